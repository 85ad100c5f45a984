import { useFormats } from "../i18n/formats";
import css from "./Celebration.module.css";
import type { Earned } from "./earned";

/** A seal of brass, pressed onto the slip: the level, the rank, or a star for a badge. */
export function Seal({ earned: { level, ranks } }: { earned: Earned }) {
  const format = useFormats();
  const letter = level === null ? ranks[0]?.rank : format.number(level);
  return (
    <svg className={css.seal} viewBox="0 0 80 80" width="80" height="80" aria-hidden>
      <circle className={css.ring} cx="40" cy="40" r="37" />
      <g className={css.coin}>
        <circle className={css.face} cx="40" cy="40" r="32" />
        <circle className={css.rim} cx="40" cy="40" r="26.500" />
        {letter === undefined ? (
          <path className={css.mark} d="m40 23 5.200 11.200 12.200 1.500-9 8.400 2.300 12.100L40 50.200l-10.700 6 2.300-12.100-9-8.400 12.200-1.500z" />
        ) : (
          <text className={css.mark} x="40" y="41">
            {letter}
          </text>
        )}
      </g>
    </svg>
  );
}
