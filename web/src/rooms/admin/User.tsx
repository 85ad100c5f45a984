import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";
import { Link, useParams } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Fact, Facts } from "../../parts/Facts";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { userQuery, type UserDetails } from "./queries";
import { UserAccess } from "./UserAccess";
import { UserChips } from "./UserChips";
import { UserDoor } from "./UserDoor";
import { UserXp } from "./UserXp";

export function Component() {
  const { t } = useWords("admin");
  const { id = "" } = useParams();
  const { data: user, error, refetch } = useQuery(userQuery(id));
  return (
    <div className={text.page}>
      <title>{`${user?.username ?? t("suite.users")} · ${t("hall:hall")}`}</title>
      <div className={css.name}>
        <h1>{user?.username ?? t("suite.users")}</h1>
        {user && <UserChips user={user} />}
      </div>
      {!user && <ProblemNotice error={error} again={() => void refetch()} />}
      {!user && !error && <Skeleton lines={6} />}
      {user && (
        <Fragment key={user.id}>
          <Account user={user} />
          {user.status !== "erased" && (
            <>
              <UserAccess user={user} />
              <UserDoor user={user} />
              <UserXp user={user} />
            </>
          )}
        </Fragment>
      )}
    </div>
  );
}

function Account({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  return (
    <Card title={t("users.account")}>
      <Facts>
        <Fact wide name={t("users.email")}>
          {user.email} <span className={css.soft}>{user.email_verified ? t("users.verified") : t("users.unverified")}</span>
        </Fact>
        <Fact name={t("users.joined")}>{format.moment(user.created_at)}</Fact>
        <Fact name={t("users.lastSeen")}>{user.last_seen_at ? format.moment(user.last_seen_at) : t("users.never")}</Fact>
        <Fact name={t("users.secondFactor")}>{user.second_factor ? t("users.has") : t("users.hasNot")}</Fact>
        <Fact name={t("users.sessions")}>{format.number(user.session_count)}</Fact>
        <Fact name={t("users.keys")}>{format.number(user.api_key_count)}</Fact>
        <Fact name={t("users.zone")}>{user.time_zone.replaceAll("_", " ")}</Fact>
        {user.erase_after && <Fact name={t("users.eraseAfter")}>{format.moment(user.erase_after)}</Fact>}
        <Fact wide name={t("users.id")}>{user.id}</Fact>
      </Facts>
      <p className={css.linkRow}>
        <Link to={`/admin/audit-log?actor=${user.id}`}>{t("users.didLink")}</Link>
        <Link to={`/admin/audit-log?target=${user.id}`}>{t("users.doneLink")}</Link>
      </p>
    </Card>
  );
}
