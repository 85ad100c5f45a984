import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import css from "./Calendar.module.css";

export interface CalendarDay {
  readonly day: string;
  readonly xp: number;
  readonly isSaved: boolean;
  readonly isPaused: boolean;
}

const SHADES = [1, 2, 3, 4];

/** A square for each day, from a Monday on, a column for each week: the more XP, the more brass. The same in words is elsewhere. */
export function Calendar({ days, today }: { days: readonly CalendarDay[]; today: string }) {
  const { t } = useWords("progress");
  const format = useFormats();
  const most = Math.max(1, ...days.map(({ xp }) => xp));
  const active = days.filter(({ xp }) => xp > 0).length;
  return (
    <div className={css.calendar}>
      <div className={css.months} aria-hidden>
        {days.map(({ day }, index) =>
          day.endsWith("-01") && index < days.length - 14 ? (
            <span key={day} style={{ gridColumnStart: Math.floor(index / 7) + 1 }}>
              {format.month(day)}
            </span>
          ) : null,
        )}
      </div>
      <div className={css.grid} role="img" aria-label={t("calendar.summary", { count: active, days: days.length })}>
        {days.map((day, index) => (
          <span
            key={day.day}
            className={css.day}
            data-shade={day.xp > 0 ? Math.ceil((SHADES.length * day.xp) / most) : undefined}
            data-paused={day.isPaused || undefined}
            data-saved={day.isSaved || undefined}
            data-today={day.day === today || undefined}
            title={`${format.day(day.day)}: ${t("hall:dashboard.xp", { xp: format.number(day.xp) })}`}
            style={{ gridColumnStart: Math.floor(index / 7) + 1, gridRowStart: (index % 7) + 1 }}
          />
        ))}
      </div>
      <ul className={css.legend}>
        <li>
          <span>{t("calendar.less")}</span>
          {SHADES.map((shade) => (
            <span key={shade} className={css.day} data-shade={shade} />
          ))}
          <span>{t("calendar.more")}</span>
        </li>
        <li>
          <span className={css.day} data-paused />
          {t("calendar.paused")}
        </li>
        <li>
          <span className={css.day} data-saved />
          {t("calendar.saved")}
        </li>
        <li>
          <span className={css.day} data-today />
          {t("hall:dashboard.today")}
        </li>
      </ul>
    </div>
  );
}
