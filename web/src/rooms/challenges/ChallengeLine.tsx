import { Link } from "react-router";

import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import css from "./Challenges.module.css";
import { Chance } from "./Chance";
import { Facts } from "./Facts";
import { LockIcon, PassedIcon } from "./icons";
import type { ChallengeSummary } from "./queries";

/** A challenge in the list. */
export function ChallengeLine({ challenge, withTag }: { challenge: ChallengeSummary; withTag: (tag: string) => string }) {
  const { t } = useWords("challenges");
  return (
    <li className={css.line}>
      <div className={css.what}>
        <h2 className={css.title}>
          <Link to={`/challenges/${challenge.id}`}>{challenge.title}</Link>
        </h2>
        <Facts challenge={challenge} />
        {challenge.tags.length > 0 && (
          <ul className={css.tags} aria-label={t("tags")}>
            {challenge.tags.map((tag) => (
              <li key={tag}>
                <Link className={css.tag} to={withTag(tag)} preventScrollReset>
                  {tag}
                </Link>
              </li>
            ))}
          </ul>
        )}
      </div>
      <div className={css.standing}>
        {!challenge.published && <p className={text.soft}>{t("draft.mark")}</p>}
        {challenge.passed && (
          <p className={css.passed}>
            <PassedIcon /> {t("passed")}
          </p>
        )}
        {!challenge.passed && challenge.locked && <Lock challenge={challenge} />}
        {!challenge.passed && !challenge.locked && <Chance chance={challenge.chance} />}
      </div>
    </li>
  );
}

function Lock({ challenge }: { challenge: ChallengeSummary }) {
  const { t } = useWords("challenges");
  const missing = challenge.prerequisites.filter(({ passed }) => !passed);
  return (
    <div className={css.locked}>
      <p>
        <LockIcon /> {t("locked.first", { count: missing.length })}
      </p>
      <ul>
        {missing.map(({ id, title }) => (
          <li key={id}>{title === null ? t("locked.draft") : <Link to={`/challenges/${id}`}>{title}</Link>}</li>
        ))}
      </ul>
    </div>
  );
}
