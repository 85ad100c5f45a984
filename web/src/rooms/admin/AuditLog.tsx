import { useInfiniteQuery } from "@tanstack/react-query";

import { useWords } from "../../i18n";
import { Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { AuditEntry } from "./AuditEntry";
import { AuditExport } from "./AuditExport";
import { AuditNarrow } from "./AuditNarrow";
import { instantOf } from "./instant";
import { auditQuery, type AuditFilters } from "./queries";
import { useFilters } from "./useFilters";

/** The record of what was done in the hall, and by whom. */
export function Component() {
  const { t } = useWords("admin");
  const filters = useAuditFilters();
  const pages = useInfiniteQuery(auditQuery(filters));
  const entries = pages.data;
  return (
    <div className={text.page}>
      <title>{`${t("suite.audit")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.audit")}</h1>
      <AuditNarrow />
      <AuditExport filters={filters} />
      {!entries && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {!entries && !pages.error && <Skeleton lines={8} />}
      {entries?.length === 0 && (
        <p className={text.soft} role="status">
          {t("audit.none")}
        </p>
      )}
      {entries && entries.length > 0 && (
        <ul className={css.entries}>
          {entries.map((entry) => (
            <AuditEntry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </div>
  );
}

/** What the address asks for, as the hall wants to be asked. */
function useAuditFilters(): AuditFilters {
  const filters = useFilters();
  const { time_zone } = useMe();
  const instant = (name: string): string | undefined => instantOf(filters.of(name), time_zone);
  return {
    action: filters.of("action") || undefined,
    actor_id: filters.of("actor") || undefined,
    target_id: filters.of("target") || undefined,
    address: filters.of("address") || undefined,
    request_id: filters.of("request") || undefined,
    since: instant("since"),
    until: instant("until"),
  };
}
