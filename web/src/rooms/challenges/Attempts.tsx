import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";

import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { More } from "../../parts/More";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { AttemptList } from "./AttemptList";
import css from "./Challenge.module.css";
import { attemptsQuery, STATUSES } from "./queries";

export function Component() {
  const { t } = useWords("challenges");
  const [search, setSearch] = useSearchParams();
  const status = STATUSES.find((each) => each === search.get("status"));
  const pages = useInfiniteQuery(attemptsQuery({ status }));
  const { data, error } = pages;
  return (
    <div className={`${text.page} ${text.narrow}`}>
      <title>{`${t("attempts.title")} · ${t("hall:hall")}`}</title>
      <Link className={css.back} to="/challenges">
        {t("back")}
      </Link>
      <h1>{t("attempts.title")}</h1>
      <Choice
        label={t("attempts.filter")}
        options={[["", t("attempts.any")], ...STATUSES.map((each) => [each, t(`status.${each}`)] as const)]}
        value={status ?? ""}
        onChange={({ target }) => setSearch(target.value === "" ? {} : { status: target.value }, { preventScrollReset: true })}
      />
      {!data && <ProblemNotice error={error} again={() => void pages.refetch()} />}
      {!data && !error && <Skeleton lines={6} />}
      {data?.length === 0 && <Notice tone="plain">{status ? t("attempts.noneOf") : t("attempts.none")}</Notice>}
      {data && data.length > 0 && (
        <Card title={t("attempts.list")}>
          <AttemptList attempts={data} withTitles />
        </Card>
      )}
      <More pages={pages} />
    </div>
  );
}
