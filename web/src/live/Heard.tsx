import { useEffect, useState } from "react";

import { useWords } from "../i18n";
import { useFormats } from "../i18n/formats";
import type { Earned } from "./earned";

const QUIET_MILLISECONDS = 600;

/** Says what was earned, politely, once nothing more comes; screen readers heed only what changes in a region. */
export function Heard({ earned, nameOf }: { earned: Earned; nameOf: (domain: string) => string }) {
  const { t } = useWords("progress");
  const format = useFormats();
  const [said, setSaid] = useState<Earned | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSaid(earned), QUIET_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [earned]);
  const xp = said && format.number(Math.abs(said.xp));
  return (
    <div className="only-heard" role="status">
      {said && said.xp > 0 && <p>{t("earned.heardXp", { xp })}</p>}
      {said && said.xp < 0 && <p>{t("earned.heardXpLost", { xp })}</p>}
      {said && said.level !== null && <p>{t("earned.levelWords", { level: said.level })}</p>}
      {said?.ranks.map(({ domain, rank }) => <p key={domain}>{t("earned.heardRank", { rank, domain: nameOf(domain) })}</p>)}
      {said?.badges.map(({ slug, name }) => <p key={slug}>{t("earned.heardBadge", { name })}</p>)}
    </div>
  );
}
