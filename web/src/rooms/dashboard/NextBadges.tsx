import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { domainsQuery } from "../../api/queries";
import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Card, Skeleton } from "../../parts/Card";
import { Coin } from "../../parts/Coin";
import { Meter } from "../../parts/Meter";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./NextBadges.module.css";
import { nextBadgesQuery } from "./queries";

type NextBadge = Schemas["NextBadgeOut"];

/** The badges that are nearest, and how far one has come. */
export function NextBadges() {
  const { t } = useWords("progress");
  const { data, error, refetch } = useQuery(nextBadgesQuery);
  return (
    <Card title={t("next.title")} aside={<Link to="/badges">{t("next.all")}</Link>}>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={4} />}
      {data?.items.length === 0 && <p className={text.soft}>{t("next.none")}</p>}
      <ul className={css.badges}>
        {data?.items.map((badge) => (
          <li key={badge.slug} className={css.badge}>
            <Coin isBare />
            <div className={css.words}>
              <strong>{badge.name}</strong>
              <span className={text.small}>{badge.description}</span>
              <Far badge={badge} />
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Far({ badge: { name, counted, domain, have, want } }: { badge: NextBadge }) {
  const { t } = useWords("progress");
  const format = useFormats();
  const { data } = useQuery(domainsQuery);
  const amounts = { have: format.number(have), want: format.number(want), count: want };
  const words =
    domain === null || counted === "days" || counted === "events"
      ? t(`next.${counted}`, amounts)
      : t(`next.${counted}In`, { ...amounts, domain: data?.items.find(({ id }) => id === domain)?.name ?? domain });
  return (
    <Meter
      label={t("next.progress", { name })}
      value={Math.max(0, have)}
      to={want}
      words={words}
    />
  );
}
