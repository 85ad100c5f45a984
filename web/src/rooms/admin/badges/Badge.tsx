import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { useWords } from "../../../i18n";
import { Card, Skeleton } from "../../../parts/Card";
import { ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import { BadgeForm } from "./BadgeForm";
import { badgesQuery } from "./queries";

/** One badge: made, changed, tried on history, and given to who has earned it already. */
export function Component() {
  const { t } = useWords("admin");
  const { id } = useParams();
  const { data, error, refetch } = useQuery({ ...badgesQuery, enabled: id !== undefined });
  const badge = data?.find((each) => each.id === id);
  const title = badge?.name ?? t(id === undefined ? "badges.newTitle" : "badges.one");
  return (
    <div className={text.page}>
      <title>{`${title} · ${t("hall:hall")}`}</title>
      <div>
        <Link className={text.small} to="/admin/badges">
          {t("badges.toAll")}
        </Link>
        <h1>{title}</h1>
      </div>
      {id === undefined || badge ? (
        <BadgeForm key={badge?.id ?? "new"} badge={badge} />
      ) : (
        <Card title={t("badges.what")}>
          <ProblemNotice error={error} again={() => void refetch()} />
          {!data && !error && <Skeleton lines={8} />}
          {data && <p>{t("hall:problem.badge_not_found")}</p>}
        </Card>
      )}
    </div>
  );
}
