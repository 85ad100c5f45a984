import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { progressQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Outcome.module.css";
import { attemptsQuery, useXpOf, type Attempt, type Challenge } from "./queries";

/** What an attempt has earned, and why just that. */
export function WhyXp({ challenge, attempt }: { challenge?: Challenge; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const format = useFormats(useMe().time_zone);
  const { data: ledger } = useXpOf(attempt);
  const { data: attempts } = useInfiniteQuery(attemptsQuery({ challenge_id: attempt.challenge_id }));
  const entries = ledger?.items ?? [];
  const { data: progress } = useQuery({ ...progressQuery, enabled: entries.length > 0 });
  const earlier = (attempts ?? [])
    .filter(({ started_at }) => started_at < attempt.started_at)
    .reduce((sum, { xp_awarded }) => sum + xp_awarded, 0);
  const heldBack = attempt.feedback?.held_back_xp ?? 0;
  return (
    <section className={css.xp} aria-label={t("xp.title")} aria-live="polite">
      <h3>{t("xp.title")}</h3>
      <p className={css.figure}>{t("xp.figure", { xp: format.number(attempt.xp_awarded) })}</p>
      <ul className={css.factors}>
        {challenge && <li>{t("xp.worth", { xp: format.number(challenge.xp) })}</li>}
        <li>{t("xp.score", { score: format.number(attempt.score ?? 0) })}</li>
        {earlier > 0 && <li>{t("xp.earlier", { xp: format.number(earlier) })}</li>}
        {heldBack > 0 && <li>{t("xp.heldBack", { xp: format.number(heldBack) })}</li>}
        {attempt.xp_awarded === 0 && heldBack === 0 && <li>{t("xp.none")}</li>}
      </ul>
      {attempt.xp_awarded > 0 && entries.length === 0 && (
        <p className={text.small} data-waiting>
          {t("xp.coming")}
        </p>
      )}
      {entries.map((entry) => (
        <p key={entry.id} className={text.small}>
          {t("xp.rule", {
            rule: t(`rule.${entry.rule}_v${entry.rule_version}` as "rule.challenge_v1", { defaultValue: entry.why }),
            date: format.moment(entry.occurred_at),
          })}
        </p>
      ))}
      {progress && <p>{t("xp.total", { xp: format.number(progress.total_xp), level: format.number(progress.level) })}</p>}
    </section>
  );
}
