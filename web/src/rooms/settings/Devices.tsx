import { useWords } from "../../i18n";
import { useMe } from "../../session/MembersOnly";
import { KnownDevices } from "./KnownDevices";
import { Room } from "./Room";
import { Sessions } from "./Sessions";

export function Component() {
  const { t } = useWords("account");
  const { time_zone } = useMe();
  return (
    <Room title={t("devices.title")} words={t("devices.words")}>
      <Sessions timeZone={time_zone} />
      <KnownDevices timeZone={time_zone} />
    </Room>
  );
}
