import { useQuery } from "@tanstack/react-query";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { Plot } from "../../parts/Plot";
import { Table } from "../../parts/Table";
import text from "../../parts/text.module.css";
import { daysUntil } from "./days";
import { historyQuery } from "./queries";

const DAYS = 30;

/** XP of the last thirty days (of what is known `since` a day before them), as a plot and, for whoever wants the figures, as a table. */
export function History({ since, until }: { since: string; until: string }) {
  const { t } = useWords();
  const format = useFormats();
  const days = daysUntil(until, DAYS);
  const { data, error, refetch } = useQuery(historyQuery(since));
  const earned = new Map(data?.items.map(({ day, xp }) => [day, xp]));
  const shown = days.map((day) => ({ day, amount: earned.get(day) ?? 0 }));
  const total = shown.reduce((sum, { amount }) => sum + amount, 0);
  const summary = total === 0 ? t("dashboard.historyNone") : t("dashboard.historyTotal", { xp: format.number(total) });
  return (
    <Card title={t("dashboard.history")} aside={total !== 0 && summary} wide>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={4} />}
      {data && total === 0 && <p className={text.soft}>{summary}</p>}
      {data && total !== 0 && <Plot bars={shown} summary={summary} amount={(xp) => t("dashboard.xp", { xp: format.number(xp) })} />}
      {data && total !== 0 && (
        <details>
          <summary>{t("dashboard.historyTable")}</summary>
          <Table label={t("dashboard.historyTable")} head={[t("dashboard.day"), "XP"]} isLow>
            {shown
              .filter(({ amount }) => amount !== 0)
              .reverse()
              .map(({ day, amount }) => (
                <tr key={day}>
                  <td>{format.day(day)}</td>
                  <td>{format.number(amount)}</td>
                </tr>
              ))}
          </Table>
        </details>
      )}
    </Card>
  );
}
