import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { Confirmed } from "../../parts/Confirmed";
import form from "../../parts/form.module.css";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { ROLES, type UserDetails } from "./queries";
import { oneOf } from "./useFilters";
import { useUserChange } from "./useUserChange";

/** What a member may do in the hall, and whether they may come in. */
export function UserAccess({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const me = useMe();
  const [role, setRole] = useState(user.role);
  const afterwards = useUserChange(user.id);
  const change = (body: Schemas["AccountChange"]): Promise<void> =>
    afterwards(answer(api.PATCH("/api/v1/admin/users/{user_id}", { params: { path: { user_id: user.id } }, body })));
  const who = { name: user.username };
  const ofOneself = user.id === me.id && <p>{t("users.thatIsYou")}</p>;
  return (
    <Card title={t("users.access")}>
      <Choice
        label={t("users.role")}
        why={t(`users.roleWhy.${role}`)}
        value={role}
        onChange={(event) => setRole(oneOf(ROLES, event.target.value) ?? role)}
        options={ROLES.map((each) => [each, t(`users.roles.${each}`)] as const)}
      />
      <div className={form.row}>
        <Confirmed
          label={t("users.changeRole")}
          title={t("users.changeRoleTitle", { ...who, role: t(`users.roles.${role}`) })}
          run={() => change({ role })}
          done={t("users.roleChanged")}
          isDisabled={role === user.role}
        >
          <p>{t(`users.roleWhy.${role}`)}</p>
          {ofOneself}
        </Confirmed>
      </div>
      {user.status === "active" ? (
        <>
          <p className={text.soft}>{t("users.suspendWords")}</p>
          <div className={form.row}>
            <Confirmed key="suspend" label={t("users.suspend")} title={t("users.suspendTitle", who)} run={() => change({ status: "suspended" })}>
              <p>{t("users.suspendWords")}</p>
              {ofOneself}
            </Confirmed>
          </div>
        </>
      ) : (
        <>
          <p>{t("users.suspendedWords")}</p>
          <div className={form.row}>
            <Confirmed key="restore" label={t("users.restore")} title={t("users.restoreTitle", who)} run={() => change({ status: "active" })}>
              <p>{t("users.restoreWords")}</p>
            </Confirmed>
          </div>
        </>
      )}
    </Card>
  );
}
