import { useQuery } from "@tanstack/react-query";

import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { Table } from "../../parts/Table";
import { Calendar, type CalendarDay } from "./Calendar";
import { Pauses } from "./Pauses";
import { freezesQuery, historyQuery, pausesQuery } from "./queries";
import css from "./Streak.module.css";

/** The days of half a year: with XP, paused, or saved; and the pauses of the streak. */
export function Streak({ days, today }: { days: readonly string[]; today: string }) {
  const { t } = useWords("progress");
  const format = useFormats();
  const since = days[0] ?? today;
  const history = useQuery(historyQuery(since));
  const pauses = useQuery(pausesQuery);
  const freezes = useQuery(freezesQuery(since));
  const asked = [history, pauses, freezes];
  const error = asked.map((query) => query.error).find(Boolean);
  const again = (): void => void Promise.all(asked.map((query) => query.refetch()));
  if (!history.data || !pauses.data || !freezes.data) {
    return (
      <Card title={t("calendar.title")} wide>
        <ProblemNotice error={error} again={again} />
        {!error && <Skeleton lines={4} />}
      </Card>
    );
  }
  const xp = new Map(history.data.items.map((item) => [item.day, item.xp]));
  const saved = new Set(freezes.data.items.map(({ day }) => day));
  const paused = pauses.data.items;
  const shown = days.map((day): CalendarDay => ({
    day,
    xp: xp.get(day) ?? 0,
    isSaved: saved.has(day),
    isPaused: paused.some(({ starts_on, ends_on }) => starts_on <= day && day <= ends_on),
  }));
  const told = shown.filter((day) => day.xp !== 0 || day.isSaved || day.isPaused).reverse();
  const count = shown.filter((day) => day.xp > 0).length;
  return (
    <Card title={t("calendar.title")} aside={t("calendar.active", { count })} wide>
      <div className={css.parts}>
        <div className={css.days}>
          <Calendar days={shown} today={today} />
          {told.length > 0 && (
            <details>
              <summary>{t("calendar.table")}</summary>
              <Table label={t("calendar.table")} head={[t("hall:dashboard.day"), t("calendar.was"), "XP"]} isLow>
                {told.map((day) => (
                  <tr key={day.day}>
                    <td>{format.day(day.day)}</td>
                    <td>{day.isPaused ? t("calendar.paused") : day.isSaved ? t("calendar.saved") : t("calendar.done")}</td>
                    <td>{format.number(day.xp)}</td>
                  </tr>
                ))}
              </Table>
            </details>
          )}
        </div>
        <Pauses pauses={paused} today={today} />
      </div>
    </Card>
  );
}
