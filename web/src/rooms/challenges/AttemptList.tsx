import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Attempts.module.css";
import type { Attempt } from "./queries";

/** Attempts in lines: when, how they stand, and the way to each. */
export function AttemptList({ attempts, withTitles }: { attempts: readonly Attempt[]; withTitles?: boolean }) {
  const { t } = useWords("challenges");
  const format = useFormats(useMe().time_zone);
  return (
    <ul className={css.list}>
      {attempts.map((attempt) => {
        const when = format.moment(attempt.submitted_at ?? attempt.started_at);
        return (
          <li key={attempt.id} className={css.line}>
            <span className={text.entry}>
              <Link className={css.way} to={attempt.status === "started" ? `/challenges/${attempt.challenge_id}` : `/attempts/${attempt.id}`}>
                {withTitles ? attempt.challenge_title : when}
              </Link>
              {withTitles && <span className={text.small}>{when}</span>}
            </span>
            <span className={css.status} data-status={attempt.status}>
              {t(`status.${attempt.status}`)}
            </span>
            <span className={css.figures}>
              {attempt.score !== null && t("outcome.score", { score: format.number(attempt.score) })}
              {attempt.xp_awarded > 0 && <strong>{t("xp.figure", { xp: format.number(attempt.xp_awarded) })}</strong>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
