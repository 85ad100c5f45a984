import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useWords } from "../../../i18n";
import { ButtonLink } from "../../../parts/Button";
import { Card, Skeleton } from "../../../parts/Card";
import { Chip } from "../../../parts/Chip";
import { ConditionWords } from "../../../parts/ConditionWords";
import form from "../../../parts/form.module.css";
import { ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import css from "./Badges.module.css";
import { badgesQuery, type Badge } from "./queries";

/** All badges of the hall, with the way to make another. */
export function Component() {
  const { t } = useWords("admin");
  const { data, error, refetch } = useQuery(badgesQuery);
  const active = data?.filter((badge) => badge.active).length ?? 0;
  return (
    <div className={text.page}>
      <title>{`${t("suite.badges")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.badges")}</h1>
      <div className={form.row}>
        <ButtonLink look="main" to="/admin/badges/new">
          {t("badges.new")}
        </ButtonLink>
      </div>
      <Card title={t("badges.all")} aside={data && t("badges.active", { count: active })}>
        {!data && <ProblemNotice error={error} again={() => void refetch()} />}
        {!data && !error && <Skeleton lines={8} />}
        {data?.length === 0 && <p className={text.soft}>{t("badges.none")}</p>}
        <ul className={text.list}>
          {data?.map((badge) => (
            <Entry key={badge.id} badge={badge} />
          ))}
        </ul>
      </Card>
    </div>
  );
}

function Entry({ badge }: { badge: Badge }) {
  const { t } = useWords("admin");
  return (
    <li className={css.badge}>
      <div className={css.title}>
        <Link to={`/admin/badges/${badge.id}`}>{badge.name}</Link>
        <Chip tone={badge.active ? "good" : "plain"}>{t(badge.active ? "badges.on" : "badges.off")}</Chip>
      </div>
      <p>{badge.description}</p>
      <ConditionWords condition={badge.condition} />
      <p className={text.small}>{t("badges.version", { slug: badge.slug, version: badge.version })}</p>
    </li>
  );
}
