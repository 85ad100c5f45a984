import { Label } from "react-aria-components/Label";
import { ProgressBar } from "react-aria-components/ProgressBar";
import type { ReactNode } from "react";

import css from "./Meter.module.css";

interface MeterProps {
  /** What it measures; heard, and not seen. */
  label: string;
  value: number;
  from?: number;
  to: number;
  /** The same in words, as they are seen and heard. */
  words: string;
  figure?: ReactNode;
}

/** How far something has come. */
export function Meter({ label, value, from = 0, to, words, figure }: MeterProps) {
  return (
    <ProgressBar className={css.meter} value={value} minValue={from} maxValue={to} valueLabel={words}>
      {({ percentage }) => (
        <>
          <span className={css.words}>
            {figure}
            <span className={css.soft} aria-hidden>
              {words}
            </span>
          </span>
          <Label className="only-heard">{label}</Label>
          <span className={css.track}>
            <span className={css.filled} style={{ inlineSize: `${percentage ?? 0}%` }} />
          </span>
        </>
      )}
    </ProgressBar>
  );
}
