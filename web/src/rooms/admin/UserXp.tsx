import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Confirmed } from "../../parts/Confirmed";
import { Fact, Facts } from "../../parts/Facts";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { ledgerQuery, standingQuery, type UserDetails } from "./queries";
import { useUserChange } from "./useUserChange";
import { XpCorrection } from "./XpCorrection";

/** How far a member has come, every line of their ledger, and the way to set it right. */
export function UserXp({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const pages = useInfiniteQuery(ledgerQuery(user.id));
  const entries = pages.data;
  const reversed = new Set(entries?.flatMap((entry) => entry.reverses_id ?? []));
  return (
    <Card title={t("users.progress")}>
      {user.status === "active" && <Standing id={user.id} />}
      <XpCorrection user={user} />
      <h3>{t("users.ledger")}</h3>
      {!entries && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {!entries && !pages.error && <Skeleton lines={4} />}
      {entries?.length === 0 && <p className={text.soft}>{t("users.noLedger")}</p>}
      {entries && entries.length > 0 && (
        <ul className={css.entries}>
          {entries.map((entry) => (
            <Line key={entry.id} user={user} entry={entry} isReversed={reversed.has(entry.id)} />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </Card>
  );
}

function Standing({ id }: { id: string }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const { data, error } = useQuery(standingQuery(id));
  if (!data) return error ? <ProblemNotice error={error} /> : <Skeleton lines={2} />;
  return (
    <Facts>
      <Fact name={t("users.xp")}>{t("hall:dashboard.xp", { xp: format.number(data.progress.total_xp) })}</Fact>
      <Fact name={t("users.level")}>{format.number(data.progress.level)}</Fact>
      <Fact name={t("hall:dashboard.streak")}>{t("hall:dashboard.days", { count: data.streak.days })}</Fact>
      <Fact name={t("hall:dashboard.badges")}>{format.number(data.badges.length)}</Fact>
    </Facts>
  );
}

interface LineProps {
  user: UserDetails;
  entry: Schemas["XpEntryOut"];
  isReversed: boolean;
}

function Line({ user, entry, isReversed }: LineProps) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const afterwards = useUserChange(user.id);
  const xp = t("hall:dashboard.xp", { xp: format.number(entry.xp) });
  const reverse = (): Promise<void> =>
    afterwards(
      answer(
        api.POST("/api/v1/admin/xp", {
          body: { user_id: user.id, reverses_id: entry.id, reason: t("users.reverseReason") },
        }),
      ),
    );
  return (
    <li className={css.entry}>
      <div className={css.head}>
        <strong>{xp}</strong>
        <span className={css.soft}>{format.moment(entry.occurred_at)}</span>
      </div>
      <span>{entry.reason ?? entry.why}</span>
      {isReversed && <span className={css.soft}>{t("users.isReversed")}</span>}
      {!isReversed && entry.reverses_id === null && (
        <span className={css.flush}>
          <Confirmed look="quiet" label={t("users.reverse")} title={t("users.reverseTitle", { xp })} run={reverse}>
            <p>{t("users.reverseWords")}</p>
          </Confirmed>
        </span>
      )}
    </li>
  );
}
