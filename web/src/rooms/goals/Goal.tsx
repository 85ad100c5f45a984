import { useEffect, useRef, useState } from "react";
import { useParams } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { todayOf } from "../../parts/days";
import { Meter } from "../../parts/Meter";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { Actions } from "./Actions";
import { Board } from "./Board";
import { Findings } from "./Findings";
import css from "./Goal.module.css";
import { Making } from "./Making";
import { Missed } from "./Missed";
import { Proposal } from "./Proposal";
import { tasksOf, useGoal, type Goal } from "./queries";
import { TaskWindow } from "./TaskWindow";
import { Timeline } from "./Timeline";
import { Unplaced } from "./Unplaced";
import { Wish } from "./Wish";

export function Component() {
  const { t } = useWords("goals");
  const { id = "" } = useParams();
  const { data: goal, error, refetch } = useGoal(id);
  return (
    <div className={text.page}>
      <title>{`${goal?.title ?? t("hall:nav.goals")} · ${t("hall:hall")}`}</title>
      {!goal && <h1>{t("goal.title")}</h1>}
      {!goal && <ProblemNotice error={error} again={() => void refetch()} />}
      {!goal && !error && (
        <Card title={t("hall:wait")}>
          <Skeleton lines={6} />
        </Card>
      )}
      {goal && <Shown key={goal.id} goal={goal} />}
    </div>
  );
}

function Shown({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const today = todayOf(useMe());
  const [openId, setOpenId] = useState<string | null>(null);
  const holds = goal.plan?.state === "accepted" ? goal.plan : null;
  const proposed = goal.proposal ?? (holds ? null : goal.plan);
  const tasks = holds ? tasksOf(holds) : [];
  useTopWhenAnother(holds?.version);
  const isClosed = goal.status === "completed" || goal.status === "abandoned";
  const opened = tasks.find((task) => task.id === openId);
  return (
    <>
      <Head goal={goal} />
      {goal.status === "completed" && <Notice tone="good">{t("goal.reached")}</Notice>}
      {goal.planning && <Making goal={goal} />}
      {!goal.planning && !goal.plan && !isClosed && <Notice tone="plain">{t("goal.noPlan")}</Notice>}
      {proposed && !goal.planning && !isClosed && (
        <Proposal key={proposed.version} goal={goal} proposed={proposed} holds={holds} />
      )}
      {holds && goal.status === "active" && <Missed missed={tasks.filter(({ status }) => status === "missed").length} />}
      {holds && (
        <>
          {goal.status === "active" && <Board goal={goal} plan={holds} today={today} onOpen={setOpenId} />}
          <Unplaced unplaced={holds.unplaced} onOpen={setOpenId} />
          <Card title={t("timeline.title")} wide>
            <Timeline goal={goal} plan={holds} today={today} onOpen={setOpenId} />
          </Card>
        </>
      )}
      {!isClosed && !goal.planning && <Wish goal={goal} />}
      <Findings goal={goal} />
      {opened && <TaskWindow key={opened.id} goal={goal} task={opened} today={today} onClose={() => setOpenId(null)} />}
    </>
  );
}

/** Shows the page from its beginning once a plan was accepted: the button for that was at its end. */
function useTopWhenAnother(version: number | undefined) {
  const before = useRef(version);
  useEffect(() => {
    if (before.current === version) return;
    before.current = version;
    window.scrollTo({ top: 0 });
  }, [version]);
}

function Head({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <header className={css.head}>
      <p className={css.above}>
        <span className={text.mark}>{t(`status.${goal.status}`)}</span>
        <span>{t("list.until", { day: format.day(goal.deadline) })}</span>
        {goal.minutes_per_day && <span>{t("goal.minutesADay", { count: goal.minutes_per_day })}</span>}
      </p>
      <h1>{goal.title}</h1>
      {goal.description && <p className={css.description}>{goal.description}</p>}
      {goal.tasks_total > 0 && (
        <Meter
          label={t("list.progress", { goal: goal.title })}
          value={goal.tasks_done}
          to={goal.tasks_total}
          words={t("hall:dashboard.goalTasks", { done: format.number(goal.tasks_done), count: goal.tasks_total })}
        />
      )}
      <Actions goal={goal} />
    </header>
  );
}
