import { useWords } from "../../i18n";
import { Suite } from "../../shell/Suite";

export function Component() {
  const { t } = useWords("account");
  return (
    <Suite
      title={t("hall:settings.title")}
      rooms={[
        ["/settings", t("rooms.profile")],
        ["/settings/security", t("rooms.security")],
        ["/settings/devices", t("rooms.devices")],
        ["/settings/api-keys", t("rooms.keys")],
        ["/settings/data", t("rooms.data")],
      ]}
    />
  );
}
