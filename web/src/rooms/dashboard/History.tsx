import { useQuery } from "@tanstack/react-query";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { Plot } from "../../parts/Plot";
import { Table } from "../../parts/Table";
import text from "../../parts/text.module.css";
import { historyQuery } from "./queries";

const DAYS = 30;
const DAY_MILLISECONDS = 86_400_000;

/** XP of the last thirty days, as a plot and, for whoever wants the figures, as a table. */
export function History({ until }: { until: string }) {
  const { t } = useWords();
  const format = useFormats();
  const days = lastDays(until);
  const { data, error, refetch } = useQuery(historyQuery(days[0] ?? until));
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

function lastDays(until: string): string[] {
  const last = Date.parse(`${until}T00:00:00Z`);
  return Array.from({ length: DAYS }, (_, index) =>
    new Date(last - (DAYS - 1 - index) * DAY_MILLISECONDS).toISOString().slice(0, 10),
  );
}
