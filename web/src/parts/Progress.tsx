import type { useTask } from "../api/tasks";
import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import { Button } from "./Button";
import form from "./form.module.css";
import { Meter } from "./Meter";
import { Notice, ProblemNotice } from "./Notice";

interface ProgressProps {
  /** What is being done; heard. */
  label: string;
  work: ReturnType<typeof useTask>;
}

/** How far background work is, with the way to stop it; how it ended, unless well. */
export function Progress({ label, work: { task, error, cancel } }: ProgressProps) {
  const { t } = useWords();
  const format = useFormats();
  if (!task) return error ? <ProblemNotice error={error} /> : <p role="status">{t("wait")}</p>;
  if (task.state === "succeeded") return null;
  if (task.state === "cancelled") return <Notice tone="plain">{t("task.cancelled")}</Notice>;
  if (task.state === "failed") return <Notice tone="bad">{t("task.failed")}</Notice>;
  const total = task.progress_total ?? 0;
  return (
    <div className={form.form} data-waiting>
      <Meter
        label={label}
        value={task.progress_done}
        to={Math.max(total, 1)}
        words={
          task.started_at === null
            ? t("task.waits")
            : total > 0
              ? t("task.progress", { done: format.number(task.progress_done), total: format.number(total) })
              : t("task.runs")
        }
      />
      <ProblemNotice error={cancel.error} />
      <div className={form.row}>
        <Button onPress={() => cancel.mutate(task.id)} isPending={cancel.isPending || task.cancel_requested}>
          {t("task.stop")}
        </Button>
      </div>
    </div>
  );
}
