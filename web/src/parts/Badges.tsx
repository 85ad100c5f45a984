import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Schemas } from "../api/client";
import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import css from "./Badges.module.css";
import { Card } from "./Card";
import { Coin } from "./Coin";
import text from "./text.module.css";

interface BadgesProps {
  badges: readonly Schemas["BadgeEarnedOut"][];
  timeZone: string;
  /** What is said where there are none. */
  children: ReactNode;
}

/** The badges that a member has. */
export function Badges({ badges, timeZone, children }: BadgesProps) {
  const { t } = useWords();
  const format = useFormats(timeZone);
  return (
    <Card title={t("dashboard.badges")} aside={<Link to="/badges">{t("dashboard.allBadges")}</Link>}>
      {badges.length === 0 && <p className={text.soft}>{children}</p>}
      <ul className={css.badges}>
        {badges.map((badge) => (
          <li key={badge.slug} className={css.badge}>
            <Coin />
            <span className={text.entry}>
              <strong>{badge.name}</strong>
              <span className={text.small}>{t("dashboard.badgeSince", { date: format.date(badge.awarded_at) })}</span>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
