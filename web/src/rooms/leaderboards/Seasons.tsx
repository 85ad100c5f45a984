import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { seasonsQuery } from "./queries";
import css from "./Seasons.module.css";

/** The seasons that are over. */
export function Component() {
  const { t } = useWords("boards");
  const format = useFormats("UTC");
  const nameOf = useSeasonName();
  const seasons = useInfiniteQuery(seasonsQuery);
  const { data, error, refetch } = seasons;
  return (
    <div className={text.page}>
      <title>{`${t("seasons.title")} · ${t("hall:hall")}`}</title>
      <h1>{t("seasons.title")}</h1>
      <Card title={t("seasons.closed")}>
        {!data && <ProblemNotice error={error} again={() => void refetch()} />}
        {!data && !error && <Skeleton lines={3} />}
        {data?.length === 0 && <p className={text.soft}>{t("seasons.none")}</p>}
        <ul>
          {data?.map(({ id, starts_at, ends_at }) => (
            <li key={id} className={`${text.row} ${css.row}`}>
              <Link className={css.season} to={`/leaderboards/seasons/${id}`}>{nameOf(id)}</Link>
              <span className={text.small}>
                {t("seasons.time", { from: format.date(starts_at), until: format.date(lastDayBefore(ends_at)) })}
              </span>
            </li>
          ))}
        </ul>
        <More pages={seasons} />
      </Card>
    </div>
  );
}

/** Gives the name of a season from its id, such as `2026-Q4`. */
export function useSeasonName(): (id: string) => string {
  const { t } = useWords("boards");
  return (id) => {
    const [year = id, quarter = ""] = id.split("-Q");
    return t("seasons.name", { quarter, year });
  };
}

function lastDayBefore(ends_at: string): string {
  return new Date(Date.parse(ends_at) - 1).toISOString();
}
