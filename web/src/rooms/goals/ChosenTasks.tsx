import type { ReactNode } from "react";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import css from "./Proposal.module.css";
import type { Task } from "./queries";

/** Which tasks of a proposed plan are wanted. */
export interface Choice {
  isOut: (id: string) => boolean;
  /** Whether it goes with something else that it depends on. */
  goesToo: (id: string) => boolean;
  turn: (id: string) => void;
}

interface ChosenTasksProps {
  tasks: readonly Task[];
  choice: Choice;
  /** What is said of a task's day, where it is more than the day. */
  day?: (task: Task) => ReactNode;
}

/** Tasks of a proposed plan, each of which can be left out. */
export function ChosenTasks({ tasks, choice, day }: ChosenTasksProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <ul className={css.tasks}>
      {tasks.map((task) => {
        const follows = choice.goesToo(task.id);
        const isOut = choice.isOut(task.id) || follows;
        return (
          <li key={task.id}>
            <label className={css.task} data-out={isOut || undefined}>
              <input
                type="checkbox"
                checked={!isOut}
                disabled={follows || task.status === "done"}
                onChange={() => choice.turn(task.id)}
              />
              <span className={css.name}>{task.title}</span>
              <span className={text.small}>
                {follows
                  ? t("proposal.goesToo")
                  : (day?.(task) ?? (task.scheduled_on ? format.shortDay(task.scheduled_on) : t("timeline.noDay")))}
                {" · "}
                {t("task.minutes", { count: task.minutes })}
              </span>
            </label>
          </li>
        );
      })}
    </ul>
  );
}
