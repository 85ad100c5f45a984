import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Meter } from "../../parts/Meter";
import { useCountUp } from "../../parts/useCountUp";
import { Seal } from "../../parts/Seal";
import css from "./Standing.module.css";
import type { Dashboard } from "./queries";

/** XP, level and streak: where one stands. */
export function Standing({ dashboard: { progress, streak } }: { dashboard: Dashboard }) {
  const { t } = useWords();
  const format = useFormats();
  const next = progress.level + 1;
  const counted = useCountUp(progress.total_xp);
  const left = t("dashboard.toNext", { xp: format.number(progress.next_level_xp - progress.total_xp), level: next });
  return (
    <div className={css.standing}>
      <div className={css.level}>
        <Seal level={progress.level} />
        <Meter
          label={t("dashboard.progress", { level: next })}
          value={progress.total_xp}
          from={progress.level_xp}
          to={progress.next_level_xp}
          words={left}
          figure={<strong className={css.figure}>{t("dashboard.xp", { xp: format.number(counted) })}</strong>}
        />
      </div>
      <div className={css.streak}>
        <h2 className={css.name}>{t("dashboard.streak")}</h2>
        <p className={css.figure}>{t("dashboard.days", { count: streak.days })}</p>
        <p className={css.soft}>
          {streak.longest_days === 0
            ? t("dashboard.noStreak")
            : t("dashboard.longest", { days: t("dashboard.days", { count: streak.longest_days }) })}
          {streak.freezes > 0 && <>, {t("dashboard.freezes", { count: streak.freezes })}</>}
        </p>
      </div>
    </div>
  );
}
