import { useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";

import { answer, api } from "../../api/client";
import { isOver, type Task } from "../../api/tasks";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Chip } from "../../parts/Chip";
import { Confirmed } from "../../parts/Confirmed";
import { Meter } from "../../parts/Meter";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { TASKS } from "./queries";
import { useTaskName } from "./taskNames";

const TONES = { succeeded: "good", failed: "bad", cancelled: "plain", running: "brass", queued: "plain", sent: "plain" } as const;

/** One task: what it is, how far, and the way to stop it. */
export function TaskEntry({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const nameOf = useTaskName();
  return (
    <>
      <div className={css.head}>
        <span className={css.name}>
          <Link to={`/admin/background/${task.id}`}>{nameOf(task.name)}</Link>
          <TaskState task={task} />
        </span>
        <time className={css.soft} dateTime={task.created_at}>
          {format.moment(task.created_at)}
        </time>
      </div>
      <TaskProgress task={task} />
      {task.error && <p className={css.error}>{task.error}</p>}
      <p className={css.linkRow}>
        <span className={css.soft}>{t("background.tries", { done: task.attempts, count: task.max_attempts })}</span>
        {task.requested_by && <Link to={`/admin/users/${task.requested_by}`}>{t("background.askedBy")}</Link>}
      </p>
      <CancelTask task={task} />
    </>
  );
}

export function TaskState({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const isEnding = task.cancel_requested && !isOver(task);
  return <Chip tone={TONES[task.state]}>{isEnding ? t("background.ending") : t(`background.states.${task.state}`)}</Chip>;
}

/** How far a task is, where it says so. */
export function TaskProgress({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const nameOf = useTaskName();
  if (task.state === "succeeded") return null;
  const done = format.number(task.progress_done);
  if (task.progress_total === null) {
    return task.progress_done === 0 ? null : <p className={css.soft}>{t("background.done", { done })}</p>;
  }
  const words = t("hall:task.progress", { done, total: format.number(task.progress_total) });
  if (isOver(task)) return <p className={css.soft}>{t("background.stoppedAt", { words })}</p>;
  return (
    <Meter
      label={t("background.progressOf", { name: nameOf(task.name) })}
      value={task.progress_done}
      to={Math.max(task.progress_total, 1)}
      words={words}
    />
  );
}

export function CancelTask({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const client = useQueryClient();
  const nameOf = useTaskName();
  if (isOver(task) || task.cancel_requested) return null;
  const cancel = async (): Promise<void> => {
    try {
      await answer(
        api.POST("/api/v1/task-executions/{execution_id}/cancel", { params: { path: { execution_id: task.id } } }),
      );
    } finally {
      await client.invalidateQueries({ queryKey: TASKS });
      await client.invalidateQueries({ queryKey: ["task-execution", task.id] });
    }
  };
  return (
    <span>
      <Confirmed label={t("background.cancel")} title={t("background.cancelTitle", { name: nameOf(task.name) })} run={cancel}>
        <p>{t("background.cancelWords")}</p>
      </Confirmed>
    </span>
  );
}
