import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { answer, api, type Schemas } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Admin.module.css";
import { Health } from "./Health";

const LOOK_AGAIN_MILLISECONDS = 15_000;

const overviewQuery = queryOptions({
  queryKey: ["admin", "overview"],
  queryFn: () => answer(api.GET("/api/v1/admin/overview")),
  refetchInterval: LOOK_AGAIN_MILLISECONDS,
});

type Counts = Schemas["Overview"];

/** Each number of the overview, where one goes from it, and whether it tells of something wrong. */
const TILES: readonly (readonly [count: keyof Counts, to: string, isWrong?: boolean])[] = [
  ["reviews_waiting", "/admin/reviews"],
  ["members_active", "/admin/users?status=active"],
  ["members_suspended", "/admin/users?status=suspended"],
  ["tasks_running", "/admin/background?state=running&routine=1"],
  ["tasks_waiting", "/admin/background?state=queued&routine=1"],
  ["tasks_failed", "/admin/background?state=failed", true],
  ["events_waiting", "/admin/events?state=waiting"],
  ["events_parked", "/admin/events", true],
];

export function Component() {
  const { t } = useWords("admin");
  const format = useFormats();
  const { data, error, refetch } = useQuery(overviewQuery);
  return (
    <div className={text.page}>
      <title>{`${t("suite.title")} · ${t("hall:hall")}`}</title>
      <h1>{t("overview.title")}</h1>
      <Health />
      <ProblemNotice error={error} again={() => void refetch()} />
      {!data && !error && <Skeleton lines={5} />}
      {data && (
        <div className={css.tiles}>
          {TILES.map(([name, to, isWrong]) => (
            <Link key={name} className={css.tile} to={to} data-wrong={(isWrong && data[name] > 0) || undefined}>
              <span className={css.figure}>{format.number(data[name])}</span>
              <span>{t(`overview.${name}`, { count: data[name] })}</span>
            </Link>
          ))}
        </div>
      )}
    </div>
  );
}
