import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import { Confirmed } from "../../parts/Confirmed";
import form from "../../parts/form.module.css";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import type { UserDetails } from "./queries";
import { useUserChange } from "./useUserChange";

/** From where a member comes in, and the way to shut that. */
export function UserDoor({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const afterwards = useUserChange(user.id);
  const path = { params: { path: { user_id: user.id } } };
  const who = { name: user.username };
  return (
    <Card title={t("users.devices")}>
      {user.devices.length === 0 && <p className={text.soft}>{t("users.noDevices")}</p>}
      <ul className={text.list}>
        {user.devices.map((device) => (
          <li key={device.id} className={text.entry}>
            <strong>{device.name}</strong>
            <span className={css.soft}>{t("users.deviceSeen", { moment: format.moment(device.last_seen_at), address: device.address })}</span>
            <span className={css.soft}>{device.user_agent}</span>
          </li>
        ))}
      </ul>
      <div className={form.row}>
        <Confirmed
          label={t("users.endSessions")}
          title={t("users.endSessionsTitle", who)}
          run={() => afterwards(answer(api.POST("/api/v1/admin/users/{user_id}/end-sessions", path)))}
          done={t("users.sessionsEnded")}
          isDisabled={user.session_count === 0}
        >
          <p>{t("users.endSessionsWords")}</p>
        </Confirmed>
        {user.second_factor && (
          <Confirmed
            label={t("users.removeFactor")}
            title={t("users.removeFactorTitle", who)}
            run={() => afterwards(answer(api.DELETE("/api/v1/admin/users/{user_id}/second-factor", path)))}
          >
            <p>{t("users.removeFactorWords")}</p>
          </Confirmed>
        )}
      </div>
    </Card>
  );
}
