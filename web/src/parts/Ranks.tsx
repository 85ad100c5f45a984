import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { domainsQuery } from "../api/queries";
import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import { Card } from "./Card";
import text from "./text.module.css";

interface RanksProps {
  ranks: readonly Schemas["RankOut"][];
  /** What is said where there are none. */
  children: ReactNode;
}

/** A member's ranks in the domains. */
export function Ranks({ ranks, children }: RanksProps) {
  const { t } = useWords();
  const format = useFormats();
  const { data: domains } = useQuery(domainsQuery);
  return (
    <Card title={t("dashboard.ranks")}>
      {ranks.length === 0 && <p className={text.soft}>{children}</p>}
      <ul className={text.list}>
        {ranks.map((rank) => (
          <li key={rank.domain} className={text.row}>
            <span>{domains?.items.find((domain) => domain.id === rank.domain)?.name ?? rank.domain}</span>
            <span>
              <strong className={text.mark}>{rank.rank}</strong>{" "}
              <span className={text.small}>{t("dashboard.xp", { xp: format.number(rank.xp) })}</span>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
