import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";

import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Card, Skeleton } from "../../../parts/Card";
import { ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import { Breakdown } from "./Breakdown";
import { Budgets } from "./Budgets";
import { Days } from "./Days";
import { periodIn } from "./period";
import { PeriodForm } from "./PeriodForm";
import { daysQuery, type Usage } from "./queries";
import css from "./TokenUsage.module.css";

/** What models were asked, what that cost, and what may still be spent. */
export function Component() {
  const { t } = useWords("admin");
  const format = useFormats();
  const [address] = useSearchParams();
  const { length, ...period } = periodIn(address);
  const usage = useQuery({ ...daysQuery(period), placeholderData: keepPreviousData });
  return (
    <div className={text.page}>
      <title>{`${t("suite.usage")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.usage")}</h1>
      <PeriodForm length={length} period={period} />
      {!usage.data && (
        <Card title={t("usage.totals")}>
          <ProblemNotice error={usage.error} again={() => void usage.refetch()} />
          {!usage.error && <Skeleton lines={6} />}
        </Card>
      )}
      {usage.data && (
        <>
          {usage.error && <ProblemNotice error={usage.error} again={() => void usage.refetch()} />}
          <Card title={t("usage.totals")} aside={t("usage.between", { from: format.day(usage.data.since), to: format.day(usage.data.until) })}>
            <Totals totals={usage.data.totals} />
          </Card>
          {usage.data.totals.calls > 0 && <Days usage={usage.data} />}
          {usage.data.totals.calls > 0 && <Breakdown period={period} />}
          <Budgets budgets={usage.data.budgets} />
        </>
      )}
    </div>
  );
}

function Totals({ totals }: { totals: Usage["totals"] }) {
  const { t } = useWords("admin");
  const format = useFormats();
  if (totals.calls === 0) return <p className={text.soft}>{t("usage.none")}</p>;
  const figures = [
    ["cost", format.cost(totals.cost_micros), null],
    ["calls", format.number(totals.calls), totals.failed_calls > 0 && t("usage.failed", { count: totals.failed_calls })],
    ["input", format.number(totals.input_tokens), totals.cached_tokens > 0 && t("usage.cached", { number: format.number(totals.cached_tokens) })],
    ["output", format.number(totals.output_tokens), null],
  ] as const;
  const notes = [
    totals.open_calls > 0 && t("usage.open", { count: totals.open_calls }),
    totals.lost_calls > 0 && t("usage.lost", { count: totals.lost_calls }),
    totals.estimated_calls > 0 && t("usage.estimated", { count: totals.estimated_calls }),
  ].filter((note) => note !== false);
  return (
    <>
      <dl className={css.figures}>
        {figures.map(([name, figure, besides]) => (
          <div key={name}>
            <dt>{t(`usage.${name}`)}</dt>
            <dd>
              <span className={css.figure}>{figure}</span>
              {besides && <span className={text.small}>{besides}</span>}
            </dd>
          </div>
        ))}
      </dl>
      {notes.map((note) => (
        <p key={note} className={text.small}>
          {note}
        </p>
      ))}
    </>
  );
}
