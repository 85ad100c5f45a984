import { scaleBand, scaleLinear } from "d3-scale";
import { useCallback, useState } from "react";

import { useFormats } from "../i18n/formats";
import css from "./Plot.module.css";

const HEIGHT = 170;
const FOOT = 24;

interface Bar {
  /** A day, as in `2026-11-21`. */
  readonly day: string;
  readonly amount: number;
}

interface PlotProps {
  bars: readonly Bar[];
  /** What is to be seen, in a sentence. */
  summary: string;
  /** How an amount is written, at the axis and over a bar. */
  amount?: (value: number) => string;
  /** The scale goes at least up to here. */
  atLeast?: number;
}

/** A bar for each day. An amount may be below zero. */
export function Plot({ bars, summary, amount, atLeast = 10 }: PlotProps) {
  const format = useFormats();
  const written = amount ?? format.number;
  const { width, ref } = useWidth();
  const x = scaleBand(
    bars.map(({ day }) => day),
    [0, width],
  ).padding(0.25);
  const amounts = bars.map((bar) => bar.amount);
  const y = scaleLinear([Math.min(0, ...amounts), Math.max(atLeast, ...amounts)], [HEIGHT - FOOT, 8]).nice(3);
  const base = y(0);
  return (
    <svg className={css.plot} ref={ref} height={HEIGHT} role="img" aria-label={summary}>
      {y.ticks(3).map((tick) => (
        <g key={tick}>
          <line className={css.grid} x1="0" x2={width} y1={y(tick)} y2={y(tick)} />
          {tick > 0 && (
            <text className={css.tick} x="0" y={y(tick) - 4}>
              {written(tick)}
            </text>
          )}
        </g>
      ))}
      {bars.map((bar) => (
        <rect
          key={bar.day}
          className={bar.amount < 0 ? css.below : css.bar}
          x={x(bar.day)}
          y={Math.min(base, y(bar.amount))}
          width={x.bandwidth()}
          height={Math.abs(base - y(bar.amount))}
          rx="1.5"
        >
          <title>{`${format.day(bar.day)}: ${written(bar.amount)}`}</title>
        </rect>
      ))}
      <text className={css.tick} x="0" y={HEIGHT - 6}>
        {format.day(bars[0]?.day ?? "")}
      </text>
      <text className={`${css.tick} ${css.last}`} x={width} y={HEIGHT - 6}>
        {format.day(bars.at(-1)?.day ?? "")}
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
