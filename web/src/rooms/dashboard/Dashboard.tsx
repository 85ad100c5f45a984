import { usePrefetchQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { domainsQuery } from "../../api/queries";
import { Badges } from "../../parts/Badges";
import { Card, Skeleton } from "../../parts/Card";
import { todayOf } from "../../parts/days";
import { ProblemNotice } from "../../parts/Notice";
import { Ranks } from "../../parts/Ranks";
import text from "../../parts/text.module.css";
import type { Me } from "../../session/me";
import { useMe } from "../../session/MembersOnly";
import { Missed } from "../goals/Missed";
import { reschedulingQuery } from "../goals/queries";
import css from "./Dashboard.module.css";
import { weeksUntil } from "./days";
import { History } from "./History";
import { NextBadges } from "./NextBadges";
import { dashboardQuery, freezesQuery, historyQuery, nextBadgesQuery, pausesQuery, useXpAsTold, type Dashboard } from "./queries";
import { Standing } from "./Standing";
import { Streak } from "./Streak";
import { Today } from "./Today";
import { VerifyReminder } from "./VerifyReminder";

const WEEKS = 26;
/** Where one can do what is suggested. */
const PLACES: Partial<Record<Dashboard["suggestions"][number]["kind"], string>> = {
  decide_plan: "/goals/",
  missing: "/goals/",
  challenge: "/challenges/",
  template: "/goals/new?template=",
};

export function Component() {
  const { t } = useWords();
  const me = useMe();
  const { data, error, refetch } = useQuery(dashboardQuery(me.id));
  useXpAsTold(me.id);
  useCardsPrefetched(me);
  const days = data ? weeksUntil(data.today.date, WEEKS) : [];
  return (
    <div className={text.page}>
      <title>{`${t("nav.dashboard")} · ${t("hall")}`}</title>
      <h1>{t("dashboard.title", { name: me.username })}</h1>
      {!me.email_verified && <VerifyReminder email={me.email} />}
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data && (
        <div className={css.cards}>
          <Standing dashboard={data} />
          <Missed />
          <Today userId={me.id} today={data.today} />
          <Goals goals={data.goals.items} />
          <Streak days={days} today={data.today.date} />
          <History since={days[0] ?? data.today.date} until={data.today.date} />
          <Ranks ranks={data.ranks}>{t("dashboard.noRanks")}</Ranks>
          <NextBadges />
          <Badges badges={data.badges} timeZone={me.time_zone}>
            {t("dashboard.noBadges")}
          </Badges>
          {data.suggestions.length > 0 && <Suggestions suggestions={data.suggestions} />}
        </div>
      )}
    </div>
  );
}

/** What the cards show is on its way while the dashboard is, and not only once they are there. */
function useCardsPrefetched(me: Me): void {
  const today = todayOf(me);
  const [since = today] = weeksUntil(today, WEEKS);
  usePrefetchQuery(historyQuery(since));
  usePrefetchQuery(freezesQuery(since));
  usePrefetchQuery(pausesQuery);
  usePrefetchQuery(nextBadgesQuery);
  usePrefetchQuery(reschedulingQuery);
  usePrefetchQuery(domainsQuery);
}

function Waiting() {
  const { t } = useWords();
  return (
    <div className={css.cards} role="status" aria-label={t("wait")}>
      <Card title={t("wait")} wide>
        <Skeleton lines={2} />
      </Card>
      <Card title={t("dashboard.today")}>
        <Skeleton lines={4} />
      </Card>
      <Card title={t("dashboard.goals")}>
        <Skeleton lines={4} />
      </Card>
    </div>
  );
}

function Goals({ goals }: { goals: Dashboard["goals"]["items"] }) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <Card title={t("hall:dashboard.goals")} aside={<Link to="/goals/new">{t("list.new")}</Link>}>
      {goals.length === 0 && <p className={text.soft}>{t("hall:dashboard.noGoals")}</p>}
      <ul className={text.list}>
        {goals.map((goal) => (
          <li key={goal.id} className={text.entry}>
            <Link className={css.goal} to={`/goals/${goal.id}`}>
              {goal.title}
            </Link>
            <span className={text.small}>
              {t("hall:dashboard.goalTasks", { done: format.number(goal.tasks_done), count: goal.tasks_total })},{" "}
              {t("hall:dashboard.goalUntil", { date: format.day(goal.deadline) })}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Suggestions({ suggestions }: { suggestions: Dashboard["suggestions"] }) {
  const { t } = useWords();
  return (
    <Card title={t("dashboard.suggestions")}>
      <ul className={css.suggestions}>
        {suggestions.map((suggestion, index) => (
          <li key={`${suggestion.kind} ${suggestion.id ?? index}`}>
            <Suggested suggestion={suggestion} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Suggested({ suggestion }: { suggestion: Dashboard["suggestions"][number] }) {
  const { kind, id } = suggestion;
  const words = useSuggested(suggestion);
  const to = id !== null && PLACES[kind];
  return to ? <Link to={to + id}>{words}</Link> : words;
}

/** Says it in the reader's language, if it is of a kind that has words here. */
function useSuggested({ kind, facts, text: words }: Dashboard["suggestions"][number]): string {
  const { t } = useWords();
  const format = useFormats();
  if (facts === undefined) return words; // A page that the hall kept from before it was updated.
  const { day, chance, ...named } = facts;
  const anytime = kind === "next_step" && day === null;
  return t(`dashboard.suggest.${anytime ? "next_step_anytime" : kind}`, {
    ...named,
    day: typeof day === "string" ? format.day(day) : "",
    percent: format.number(Math.round(Number(chance ?? 0) * 100)),
    defaultValue: words,
  });
}
