import { Fragment } from "react";
import { Button as Pressable } from "react-aria-components/Button";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { weekOf } from "../../parts/days";
import text from "../../parts/text.module.css";
import { Proofs } from "./Proofs";
import { tasksOf, type Goal, type Milestone, type Plan, type Task } from "./queries";
import { TaskMark } from "./TaskMark";
import css from "./Timeline.module.css";

interface TimelineProps {
  goal: Goal;
  plan: Plan;
  today: string;
  onOpen: (id: string) => void;
}

/** The plan that holds: its milestones in order, each with its tasks by week and day. */
export function Timeline({ goal, plan, today, onOpen }: TimelineProps) {
  const byId = new Map(tasksOf(plan).map((task) => [task.id, task]));
  const current = plan.milestones.find(({ tasks }) => tasks.some(({ status }) => status !== "done"));
  return (
    <ol className={css.rail}>
      {plan.milestones.map((milestone) => (
        <Stretch
          key={milestone.id}
          goal={goal}
          milestone={milestone}
          byId={byId}
          today={today}
          isCurrent={milestone.id === current?.id}
          onOpen={onOpen}
        />
      ))}
    </ol>
  );
}

interface StretchProps extends Omit<TimelineProps, "plan"> {
  milestone: Milestone;
  byId: ReadonlyMap<string, Task>;
  isCurrent: boolean;
}

function Stretch({ goal, milestone, byId, today, isCurrent, onOpen }: StretchProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const { tasks, proven_at, due_on } = milestone;
  const done = tasks.filter(({ status }) => status === "done").length;
  const isDone = done === tasks.length;
  return (
    <li className={css.stretch} data-done={isDone || undefined} aria-current={isCurrent ? "step" : undefined}>
      <h3>{milestone.title}</h3>
      <p className={css.facts}>
        <span>{t("timeline.done", { done: format.number(done), count: tasks.length })}</span>
        {due_on && <span>{t("timeline.due", { day: format.longDay(due_on) })}</span>}
        {proven_at && <strong className={css.proven}>{t("timeline.proven", { day: format.date(proven_at) })}</strong>}
      </p>
      {milestone.evidence && <p className={css.evidence}>{t("timeline.evidence", { evidence: milestone.evidence })}</p>}
      <Proofs goal={goal} milestone={milestone} />
      <details open={isCurrent}>
        <summary className={css.summary}>{t("timeline.tasks", { count: tasks.length })}</summary>
        <Days tasks={tasks} byId={byId} today={today} onOpen={onOpen} />
      </details>
    </li>
  );
}

interface DaysProps {
  tasks: readonly Task[];
  byId: ReadonlyMap<string, Task>;
  today: string;
  onOpen?: (id: string) => void;
}

function Days({ tasks, byId, today, onOpen }: DaysProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const days = [...new Set(tasks.map(({ scheduled_on }) => scheduled_on ?? ""))].sort(byDay);
  const next = days.find((day) => day >= today);
  const isWithin = days.some((day) => day !== "" && day < today) && next !== undefined && next !== today;
  let week = "";
  return (
    <div className={css.days}>
      {days.map((day) => {
        const isNewWeek = day !== "" && weekOf(day) !== week;
        if (isNewWeek) week = weekOf(day);
        return (
          <Fragment key={day}>
            {isWithin && day === next && <p className={css.today}>{t("timeline.todayIs", { day: format.longDay(today) })}</p>}
            {isNewWeek && <h4 className={css.week}>{t("timeline.week", { day: format.day(week) })}</h4>}
            <div className={css.day} data-today={day === today || undefined}>
              <p className={css.date}>
                {day === "" ? t("timeline.noDay") : format.shortDay(day)}
                {day === today && <strong className={text.mark}>{t("timeline.today")}</strong>}
              </p>
              <ul className={css.tasks}>
                {tasks
                  .filter(({ scheduled_on }) => (scheduled_on ?? "") === day)
                  .map((task) => (
                    <TaskLine key={task.id} task={task} byId={byId} onOpen={onOpen} />
                  ))}
              </ul>
            </div>
          </Fragment>
        );
      })}
    </div>
  );
}

/** What has no day comes last. */
const byDay = (one: string, other: string): number => (one || "~").localeCompare(other || "~");

function TaskLine({ task, byId, onOpen }: { task: Task; byId: ReadonlyMap<string, Task>; onOpen?: (id: string) => void }) {
  const { t } = useWords("goals");
  const before = task.depends_on.flatMap((id) => byId.get(id) ?? []).filter(({ status }) => status !== "done");
  const tooLate = before.filter((other) => task.scheduled_on && other.scheduled_on && other.scheduled_on > task.scheduled_on);
  return (
    <li>
      <Pressable className={css.task} data-status={task.status} onPress={() => onOpen?.(task.id)}>
        <TaskMark status={task.status} />
        <span className={css.words}>
          <span className={css.name}>{task.title}</span>
          <span className={text.small}>
            {[
              t("task.minutes", { count: task.minutes }),
              t(`hall:kind.${task.kind}`),
              ...(task.status === "open" && task.percent > 0 ? [t("task.percent", { percent: task.percent })] : []),
            ].join(" · ")}
          </span>
          {task.status !== "done" && before.length > 0 && tooLate.length === 0 && (
            <span className={text.small}>{t("task.after", { tasks: before.map(({ title }) => title).join(", ") })}</span>
          )}
          {task.status !== "done" && tooLate.length > 0 && (
            <span className={css.warning}>{t("task.tooEarly", { tasks: tooLate.map(({ title }) => title).join(", ") })}</span>
          )}
        </span>
      </Pressable>
    </li>
  );
}
