import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { domainsQuery } from "../api/queries";
import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import { Card } from "./Card";
import { Meter } from "./Meter";
import css from "./Ranks.module.css";
import text from "./text.module.css";

interface RanksProps {
  ranks: readonly Schemas["RankOut"][];
  /** What is said where there are none. */
  children: ReactNode;
}

/** A member's ranks in the domains. */
export function Ranks({ ranks, children }: RanksProps) {
  const { t } = useWords();
  const { data: domains } = useQuery(domainsQuery);
  return (
    <Card title={t("dashboard.ranks")}>
      {ranks.length === 0 && <p className={text.soft}>{children}</p>}
      <ul className={text.list}>
        {ranks.map((rank) => (
          <Rank key={rank.domain} rank={rank} name={domains?.items.find(({ id }) => id === rank.domain)?.name ?? rank.domain} />
        ))}
      </ul>
    </Card>
  );
}

function Rank({ rank, name }: { rank: Schemas["RankOut"]; name: string }) {
  const { t } = useWords();
  const format = useFormats();
  const { next_rank: next, next_rank_xp: to } = rank;
  const hasNext = next !== null && to !== null;
  return (
    <li className={css.rank}>
      <div className={css.name}>
        <span>{name}</span>
        <span className={css.figures}>
          <strong className={text.mark}>{rank.rank}</strong>
          <span className={text.small}>{t("dashboard.xp", { xp: format.number(rank.xp) })}</span>
        </span>
      </div>
      {hasNext ? (
        <Meter
          label={t("dashboard.rankProgress", { rank: next, domain: name })}
          value={rank.xp}
          from={Math.min(rank.rank_xp, rank.xp)}
          to={to}
          words={t("dashboard.toRank", { xp: format.number(Math.max(0, to - rank.xp)), rank: next })}
        />
      ) : (
        <p className={text.small}>{t("dashboard.topRank")}</p>
      )}
    </li>
  );
}
