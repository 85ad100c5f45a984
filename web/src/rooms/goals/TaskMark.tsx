import { useWords } from "../../i18n";
import css from "./TaskMark.module.css";
import type { Task } from "./queries";

/** How a task stands: by a shape, by a colour, and in words that are heard. */
export function TaskMark({ status }: { status: Task["status"] }) {
  const { t } = useWords("goals");
  return (
    <>
      <svg className={css.mark} data-status={status} viewBox="0 0 24 24" width="22" height="22" aria-hidden>
        <circle cx="12" cy="12" r="9" />
        {status === "done" && <path d="m7.500 12.500 3 3 6-7" />}
        {status === "missed" && <path d="M12 7v6.500M12 16.500v.500" />}
      </svg>
      <span className="only-heard">{t(`task.${status}`)}</span>
    </>
  );
}
