import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { ButtonLink } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { Meter } from "../../parts/Meter";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Goals.module.css";
import { Missed } from "./Missed";
import { useGoals, type GoalSummary } from "./queries";

/** In which order goals are shown: first what waits for an answer. */
const STATUSES = ["proposed", "analysing", "active", "completed", "abandoned"] as const;

export function Component() {
  const { t } = useWords("goals");
  const goals = useGoals();
  const found = goals.data;
  return (
    <div className={text.page}>
      <title>{`${t("hall:nav.goals")} · ${t("hall:hall")}`}</title>
      <header className={css.head}>
        <h1>{t("hall:nav.goals")}</h1>
        {found && found.length > 0 && (
          <ButtonLink look="main" to="/goals/new">
            {t("list.new")}
          </ButtonLink>
        )}
      </header>
      <Missed />
      {!found && <ProblemNotice error={goals.error} again={() => void goals.refetch()} />}
      {!found && !goals.error && (
        <Card title={t("hall:wait")}>
          <Skeleton lines={5} />
        </Card>
      )}
      {found?.length === 0 && <Empty />}
      {found &&
        STATUSES.map((status) => [status, found.filter((goal) => goal.status === status)] as const)
          .filter(([, some]) => some.length > 0)
          .map(([status, some]) => (
            <section key={status} className={css.group}>
              <h2>{t(`status.${status}`)}</h2>
              <ul className={css.goals}>
                {some.map((goal) => (
                  <GoalEntry key={goal.id} goal={goal} />
                ))}
              </ul>
            </section>
          ))}
      <More pages={goals} />
    </div>
  );
}

function Empty() {
  const { t } = useWords("goals");
  return (
    <Card title={t("list.empty")}>
      <p className={text.soft}>{t("list.emptyWords")}</p>
      <p>
        <ButtonLink look="main" to="/goals/new">
          {t("list.first")}
        </ButtonLink>
      </p>
    </Card>
  );
}

function GoalEntry({ goal }: { goal: GoalSummary }) {
  const { t } = useWords("goals");
  const format = useFormats();
  const next = goal.next_task;
  const until =
    goal.status === "completed" && goal.completed_at
      ? t("list.completed", { day: format.date(goal.completed_at) })
      : t("list.until", { day: format.day(goal.deadline) });
  return (
    <li className={css.goal} data-status={goal.status}>
      <h3>
        <Link to={`/goals/${goal.id}`} className={css.title}>
          {goal.title}
        </Link>
      </h3>
      <p className={text.small}>{until}</p>
      {goal.tasks_total > 0 ? (
        <Meter
          label={t("list.progress", { goal: goal.title })}
          value={goal.tasks_done}
          to={goal.tasks_total}
          words={t("hall:dashboard.goalTasks", { done: format.number(goal.tasks_done), count: goal.tasks_total })}
        />
      ) : (
        <p className={text.soft}>{t(goal.status === "analysing" ? "list.making" : goal.status === "proposed" ? "list.waits" : "list.noPlan")}</p>
      )}
      {next && (
        <p className={css.next}>
          {next.scheduled_on
            ? t("list.nextOn", { task: next.title, day: format.longDay(next.scheduled_on) })
            : t("list.next", { task: next.title })}
        </p>
      )}
    </li>
  );
}
