import { useEffect, useRef, useState } from "react";
import { useDrag } from "react-aria-components/useDrag";
import { useDrop } from "react-aria-components/useDrop";
import { Button as Pressable } from "react-aria-components/Button";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { daysAfter, daysFrom, weekOf } from "../../parts/days";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Board.module.css";
import { tasksOf, useTaskChange, type Goal, type Plan, type Task } from "./queries";
import { TaskMark } from "./TaskMark";

const SHOWN_DAYS = 14;
/** What is dragged, told apart from whatever else a page may drag. */
const DRAGGED = "application/x-guildhall-task";

interface BoardProps {
  goal: Goal;
  plan: Plan;
  today: string;
  onOpen: (id: string) => void;
}

/** Two weeks of the plan, day by day; a task that is not done can be dragged to another day. */
export function Board({ goal, plan, today, onOpen }: BoardProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const [first, setFirst] = useState(weekOf(today));
  const move = useTaskChange(goal.id);
  const focusAgain = useFocusAgain(plan);
  const tasks = tasksOf(plan);
  const moved = move.isSuccess && tasks.find(({ id }) => id === move.variables.id);
  const drop = (id: string, day: string): void => {
    const task = tasks.find((each) => each.id === id);
    if (!task || task.scheduled_on === day) return;
    focusAgain(id);
    move.mutate({ id, change: { scheduled_on: day } }, { onError: () => focusAgain(id) });
  };
  return (
    <Card title={t("board.title")} aside={t("board.words")} wide>
      <div className={form.row}>
        <Button onPress={() => setFirst(daysAfter(first, -SHOWN_DAYS))}>{t("board.before")}</Button>
        <Button onPress={() => setFirst(weekOf(today))} isDisabled={first === weekOf(today)}>
          {t("timeline.today")}
        </Button>
        <Button onPress={() => setFirst(daysAfter(first, SHOWN_DAYS))}>{t("board.after")}</Button>
      </div>
      <ProblemNotice error={move.error} />
      <p className="only-heard" role="status">
        {moved && moved.scheduled_on && t("board.moved", { task: moved.title, day: format.longDay(moved.scheduled_on) })}
      </p>
      <div className={css.days}>
        {daysFrom(first, SHOWN_DAYS).map((day) => (
          <BoardDay
            key={day}
            day={day}
            today={today}
            isLast={day === goal.deadline}
            tasks={tasks.filter(({ scheduled_on }) => scheduled_on === day)}
            onDrop={drop}
            onOpen={onOpen}
          />
        ))}
      </div>
    </Card>
  );
}

/** Gives a way to have the focus follow a task to where it stands next: its old place is gone. */
function useFocusAgain(plan: Plan): (id: string) => void {
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    const handle = wanted.current && document.getElementById(handleOf(wanted.current));
    if (!handle) return;
    wanted.current = null;
    const at = document.activeElement;
    // A drop leaves the focus with the day.
    if (at === null || at === document.body || at.matches("[data-day]")) handle.focus();
  }, [plan]);
  return (id) => {
    wanted.current = id;
  };
}

const handleOf = (taskId: string): string => `move-${taskId}`;

interface BoardDayProps {
  day: string;
  today: string;
  isLast: boolean;
  tasks: readonly Task[];
  onDrop: (id: string, day: string) => void;
  onOpen: (id: string) => void;
}

function BoardDay({ day, today, isLast, tasks, onDrop, onOpen }: BoardDayProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const ref = useRef<HTMLElement>(null);
  const { dropProps, isDropTarget } = useDrop({
    ref,
    isDisabled: day < today,
    getDropOperation: (types) => (types.has(DRAGGED) ? "move" : "cancel"),
    onDrop: ({ items }) => {
      const item = items.find((each) => each.kind === "text" && each.types.has(DRAGGED));
      if (item?.kind === "text") void item.getText(DRAGGED).then((id) => onDrop(id, day));
    },
  });
  const minutes = tasks.filter(({ status }) => status !== "done").reduce((sum, task) => sum + task.minutes, 0);
  return (
    <section
      {...dropProps}
      ref={ref}
      className={css.day}
      tabIndex={-1}
      aria-label={format.longDay(day)}
      data-day={day}
      data-past={day < today || undefined}
      data-today={day === today || undefined}
      data-drop={isDropTarget || undefined}
      data-empty={tasks.length === 0 || undefined}
    >
      <p className={css.date}>
        <span>{format.shortDay(day)}</span>
        {day === today && <strong className={text.mark}>{t("timeline.today")}</strong>}
        {isLast && <strong className={css.last}>{t("board.deadline")}</strong>}
        {minutes > 0 && <span className={css.minutes}>{t("board.minutes", { count: minutes })}</span>}
      </p>
      {tasks.length > 0 && (
        <ul className={css.tasks}>
          {tasks.map((task) => (
            <BoardTask key={task.id} task={task} onOpen={onOpen} />
          ))}
        </ul>
      )}
    </section>
  );
}

function BoardTask({ task, onOpen }: { task: Task; onOpen: (id: string) => void }) {
  const { t } = useWords("goals");
  const canMove = task.status !== "done";
  const { dragProps, dragButtonProps, isDragging } = useDrag({
    hasDragButton: true,
    isDisabled: !canMove,
    getItems: () => [{ [DRAGGED]: task.id, "text/plain": task.title }],
    getAllowedDropOperations: () => ["move"],
  });
  return (
    <li {...dragProps} className={css.task} data-status={task.status} data-dragging={isDragging || undefined}>
      <span className={css.mark}>
        <TaskMark status={task.status} />
      </span>
      {/* A plain button: React Aria's would not let what it stands in be dragged. */}
      <button type="button" className={css.open} onClick={() => onOpen(task.id)}>
        <span className={css.name}>{task.title}</span>
      </button>
      {canMove && (
        <Pressable {...dragButtonProps} id={handleOf(task.id)} className={css.handle} aria-label={t("board.drag", { task: task.title })}>
          <svg viewBox="0 0 12 20" width="12" height="20" fill="currentColor" aria-hidden>
            {[4, 10, 16].map((y) => (
              <g key={y}>
                <circle cx="3" cy={y} r="1.500" />
                <circle cx="9" cy={y} r="1.500" />
              </g>
            ))}
          </svg>
        </Pressable>
      )}
    </li>
  );
}
