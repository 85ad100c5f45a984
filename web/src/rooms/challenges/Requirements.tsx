import { Link } from "react-router";

import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import css from "./Challenge.module.css";
import { LockIcon, PassedIcon } from "./icons";
import type { Challenge } from "./queries";

/** What must be passed first. */
export function Requirements({ challenge }: { challenge: Challenge }) {
  const { t } = useWords("challenges");
  return (
    <Card title={t("requires.title")}>
      {challenge.locked && <p className={text.soft}>{t("requires.locked")}</p>}
      <ul className={text.list}>
        {challenge.prerequisites.map(({ id, title, passed }) => (
          <li key={id} className={text.row}>
            {title === null ? <span>{t("locked.draft")}</span> : <Link className={css.way} to={`/challenges/${id}`}>{title}</Link>}
            <span className={passed ? css.passed : css.open}>
              {passed ? <PassedIcon /> : <LockIcon />} {passed ? t("passed") : t("requires.open")}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
