import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import { Field } from "../../parts/Field";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { Window } from "../../parts/Window";
import { useMe } from "../../session/MembersOnly";
import { activitiesQuery, lookAgain, useTaskChange, type Goal, type Task } from "./queries";
import { TaskMark } from "./TaskMark";
import css from "./TaskWindow.module.css";

interface TaskWindowProps {
  goal: Goal;
  task: Task;
  today: string;
  onClose: () => void;
}

/** A task: what became of it, on which day it stands, and what was noted about it. */
export function TaskWindow({ goal, task, today, onClose }: TaskWindowProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const change = useTaskChange(goal.id);
  const say = (status: "done" | "missed" | "open"): void => change.mutate({ id: task.id, change: { status } });
  return (
    <Window title={task.title} onClose={onClose} wide>
      <p className={css.facts}>
        <span className={css.status}>
          <TaskMark status={task.status} />
          <span aria-hidden>{t(`task.${task.status}`)}</span>
        </span>
        <span>{t("task.minutes", { count: task.minutes })}</span>
        <span>{t(`hall:kind.${task.kind}`)}</span>
        <span>{t(`difficulty.${task.difficulty}`)}</span>
        {task.scheduled_on && <span>{format.longDay(task.scheduled_on)}</span>}
      </p>
      <ProblemNotice error={change.error} />
      {goal.status !== "abandoned" && (
        <div className={form.row}>
          {task.status !== "done" && (
            <Button look="main" onPress={() => say("done")} isPending={change.isPending}>
              {t("task.sayDone")}
            </Button>
          )}
          {task.status === "open" && (
            <Button onPress={() => say("missed")} isPending={change.isPending}>
              {t("task.sayMissed")}
            </Button>
          )}
          {task.status !== "open" && (
            <Button onPress={() => say("open")} isPending={change.isPending}>
              {t("task.sayOpen")}
            </Button>
          )}
        </div>
      )}
      {goal.status === "active" && task.status !== "done" && (
        <>
          <Move task={task} today={today} move={change} />
          <Work goal={goal} task={task} />
        </>
      )}
      <Notes taskId={task.id} />
      <div className={form.row}>
        <Button onPress={onClose}>{t("hall:do.close")}</Button>
      </div>
    </Window>
  );
}

interface MoveProps {
  task: Task;
  today: string;
  move: ReturnType<typeof useTaskChange>;
}

/** Another day by choice, where nothing can be dragged. */
function Move({ task, today, move }: MoveProps) {
  const { t } = useWords("goals");
  const { control, handleSubmit } = useForm({ defaultValues: { day: task.scheduled_on ?? today } });
  const save = handleSubmit(({ day }) => move.mutate({ id: task.id, change: { scheduled_on: day } }));
  return (
    <form className={css.inline} onSubmit={(event) => void save(event)} noValidate>
      <Field control={control} name="day" label={t("task.moveTo")} type="date" rules={{ required: t("hall:form.required") }} />
      <Button type="submit" isPending={move.isPending}>
        {t("task.move")}
      </Button>
    </form>
  );
}

const isUpTo = (most: number) => (value: string) => value === "" || (/^\d+$/.test(value) && Number(value) <= most);

/** How much of it is done, and how long that took. */
function Work({ goal, task }: { goal: Goal; task: Task }) {
  const { t } = useWords("goals");
  const client = useQueryClient();
  const { control, handleSubmit, reset } = useForm({ defaultValues: { percent: String(task.percent), minutes: "" } });
  const report = useMutation({
    mutationFn: ({ percent, minutes }: { percent: string; minutes: string }) =>
      answer(
        api.PATCH("/api/v1/progress/update", {
          body: {
            task_id: task.id,
            ...(percent !== "" && { percent: Number(percent) }),
            ...(minutes !== "" && { minutes: Number(minutes) }),
          },
        }),
      ),
    onSuccess: ({ percent }) => reset({ percent: String(percent), minutes: "" }),
    onSettled: () => {
      lookAgain(client);
      void client.invalidateQueries({ queryKey: activitiesQuery(task.id).queryKey });
    },
  });
  const save = handleSubmit((values) => report.mutate(values));
  const limited = (most: number) => (value: string) => isUpTo(most)(value) || t("hall:form.wholeNumber", { from: 0, to: most });
  return (
    <form className={form.form} onSubmit={(event) => void save(event)} noValidate aria-label={t("task.work", { goal: goal.title })}>
      <div className={form.pair}>
        <Field control={control} name="percent" label={t("task.percentDone")} inputMode="numeric" rules={{ validate: limited(100) }} />
        <Field
          control={control}
          name="minutes"
          label={t("task.minutesSpent")}
          why={task.spent_minutes > 0 && t("task.spent", { count: task.spent_minutes })}
          inputMode="numeric"
          rules={{ validate: limited(1440) }}
        />
      </div>
      <ProblemNotice error={report.error} />
      {report.isSuccess && <Notice tone="good">{t("hall:do.saved")}</Notice>}
      <div className={form.row}>
        <Button type="submit" isPending={report.isPending}>
          {t("task.report")}
        </Button>
      </div>
    </form>
  );
}

/** What happened on a task, newest first, and a word more. */
function Notes({ taskId }: { taskId: string }) {
  const { t } = useWords("goals");
  const format = useFormats(useMe().time_zone);
  const client = useQueryClient();
  const activities = useQuery(activitiesQuery(taskId));
  const { control, handleSubmit, reset } = useForm({ defaultValues: { note: "" } });
  const add = useMutation({
    mutationFn: (note: string) =>
      answer(api.POST("/api/v1/tasks/{task_id}/activities", { params: { path: { task_id: taskId } }, body: { note } })),
    onSuccess: () => reset(),
    onSettled: () => client.invalidateQueries({ queryKey: activitiesQuery(taskId).queryKey }),
  });
  const save = handleSubmit(({ note }) => add.mutate(note));
  const rules = { required: t("hall:form.required"), maxLength: { value: 1000, message: t("form.tooLong", { count: 1000 }) } };
  return (
    <>
      <form className={form.form} onSubmit={(event) => void save(event)} noValidate>
        <Field control={control} name="note" label={t("task.note")} lines={2} rules={rules} />
        <ProblemNotice error={add.error} />
        <div className={form.row}>
          <Button type="submit" isPending={add.isPending}>
            {t("task.addNote")}
          </Button>
        </div>
      </form>
      <h3>{t("task.history")}</h3>
      {activities.isPending && <Skeleton lines={2} />}
      <ProblemNotice error={activities.error} again={() => void activities.refetch()} />
      {activities.data?.items.length === 0 && <p className={text.soft}>{t("task.noHistory")}</p>}
      <ul className={text.list}>
        {activities.data?.items.map((activity) => (
          <li key={activity.id} className={text.entry}>
            <span>
              {t(`activity.${activity.kind}` as "activity.done")}
              {activity.minutes ? ` · ${t("task.minutes", { count: activity.minutes })}` : ""}
              {activity.percent !== null ? ` · ${t("task.percent", { percent: activity.percent })}` : ""}
            </span>
            {activity.note && <span className={css.note}>{activity.note}</span>}
            <span className={text.small}>{format.moment(activity.occurred_at)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
