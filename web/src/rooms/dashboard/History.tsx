import { useQuery } from "@tanstack/react-query";
import { scaleBand, scaleLinear } from "d3-scale";
import { useCallback, useState } from "react";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import css from "./History.module.css";
import { historyQuery } from "./queries";

const DAYS = 30;
const DAY_MILLISECONDS = 86_400_000;
const HEIGHT = 170;
const FOOT = 24;

interface Day {
  readonly day: string;
  readonly xp: number;
}

/** XP of the last thirty days, as a plot and, for whoever wants the figures, as a table. */
export function History({ until }: { until: string }) {
  const { t } = useWords();
  const format = useFormats();
  const days = lastDays(until);
  const { data, error, refetch } = useQuery(historyQuery(days[0] ?? until));
  const earned = new Map(data?.items.map(({ day, xp }) => [day, xp]));
  const shown = days.map((day) => ({ day, xp: earned.get(day) ?? 0 }));
  const total = shown.reduce((sum, { xp }) => sum + xp, 0);
  const summary = total === 0 ? t("dashboard.historyNone") : t("dashboard.historyTotal", { xp: format.number(total) });
  return (
    <Card title={t("dashboard.history")} aside={total !== 0 && summary} wide>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={4} />}
      {data && total === 0 && <p className={css.nothing}>{summary}</p>}
      {data && total !== 0 && <Plot days={shown} summary={summary} />}
      {data && total !== 0 && (
        <details>
          <summary>{t("dashboard.historyTable")}</summary>
          <div className={css.scroll} tabIndex={0} role="region" aria-label={t("dashboard.historyTable")}>
            <table className={css.table}>
              <thead>
                <tr>
                  <th scope="col">{t("dashboard.day")}</th>
                  <th scope="col">XP</th>
                </tr>
              </thead>
              <tbody>
                {shown
                  .filter(({ xp }) => xp !== 0)
                  .reverse()
                  .map(({ day, xp }) => (
                    <tr key={day}>
                      <td>{format.day(day)}</td>
                      <td>{format.number(xp)}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </Card>
  );
}

function Plot({ days, summary }: { days: readonly Day[]; summary: string }) {
  const format = useFormats();
  const { width, ref } = useWidth();
  const x = scaleBand(
    days.map(({ day }) => day),
    [0, width],
  ).padding(0.25);
  const amounts = days.map(({ xp }) => xp);
  // A correction may take XP away.
  const y = scaleLinear([Math.min(0, ...amounts), Math.max(10, ...amounts)], [HEIGHT - FOOT, 8]).nice(3);
  const base = y(0);
  return (
    <svg className={css.plot} ref={ref} height={HEIGHT} role="img" aria-label={summary}>
      {y.ticks(3).map((tick) => (
        <g key={tick}>
          <line className={css.grid} x1="0" x2={width} y1={y(tick)} y2={y(tick)} />
          {tick > 0 && (
            <text className={css.tick} x="0" y={y(tick) - 4}>
              {format.number(tick)}
            </text>
          )}
        </g>
      ))}
      {days.map(({ day, xp }) => (
        <rect
          key={day}
          className={xp < 0 ? css.lost : css.bar}
          x={x(day)}
          y={Math.min(base, y(xp))}
          width={x.bandwidth()}
          height={Math.abs(base - y(xp))}
          rx="1.5"
        >
          <title>{`${format.day(day)}: ${format.number(xp)} XP`}</title>
        </rect>
      ))}
      <text className={css.tick} x="0" y={HEIGHT - 6}>
        {format.day(days[0]?.day ?? "")}
      </text>
      <text className={`${css.tick} ${css.last}`} x={width} y={HEIGHT - 6}>
        {format.day(days.at(-1)?.day ?? "")}
      </text>
    </svg>
  );
}

/** Gives how wide a plot is just now, in pixels. */
function useWidth() {
  const [width, setWidth] = useState(0);
  const ref = useCallback((plot: SVGSVGElement | null) => {
    if (plot === null) return;
    const watch = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    watch.observe(plot);
    return () => watch.disconnect();
  }, []);
  return { width, ref };
}

function lastDays(until: string): string[] {
  const last = Date.parse(`${until}T00:00:00Z`);
  return Array.from({ length: DAYS }, (_, index) =>
    new Date(last - (DAYS - 1 - index) * DAY_MILLISECONDS).toISOString().slice(0, 10),
  );
}
