import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";

import { useWords } from "../../i18n";
import { ButtonLink } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Challenges.module.css";
import { ChallengeLine } from "./ChallengeLine";
import { Filters } from "./Filters";
import { challengesQuery } from "./queries";
import { useWanted } from "./wanted";
import { Widen } from "./Widen";

export function Component() {
  const { t } = useWords("challenges");
  const { wanted, filters, address } = useWanted();
  const pages = useInfiniteQuery({ ...challengesQuery(wanted), placeholderData: keepPreviousData });
  const { data, error, isPlaceholderData } = pages;
  return (
    <div className={`${text.page} ${css.room}`}>
      <title>{`${t("title")} · ${t("hall:hall")}`}</title>
      <header className={css.head}>
        <h1>{t("title")}</h1>
        <nav className={css.ways} aria-label={t("ways")}>
          <ButtonLink to="/attempts">{t("attempts.title")}</ButtonLink>
          {filters.show === "mine" && <ButtonLink to="/challenges/reviews">{t("write.toRead")}</ButtonLink>}
          <ButtonLink to="/challenges/new">{t("write.new")}</ButtonLink>
        </nav>
      </header>
      <Filters filters={filters} />
      {!data && <ProblemNotice error={error} again={() => void pages.refetch()} />}
      {!data && !error && <Skeleton lines={8} />}
      {data?.length === 0 && !isPlaceholderData && <Widen filters={filters} />}
      <ul className={css.list} aria-busy={isPlaceholderData} data-waiting={isPlaceholderData || undefined}>
        {data?.map((challenge) => (
          <ChallengeLine key={challenge.id} challenge={challenge} withTag={(tag) => address({ tag })} />
        ))}
      </ul>
      <More pages={pages} />
    </div>
  );
}
