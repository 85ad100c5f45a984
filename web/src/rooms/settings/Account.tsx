import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import { useMe } from "../../session/MembersOnly";
import { Look } from "../../shell/Look";
import { Days } from "./Days";
import { Profile } from "./Profile";
import { Room } from "./Room";

export function Component() {
  const { t } = useWords();
  const me = useMe();
  return (
    <Room title={t("settings.title")}>
      <Profile me={me} />
      <Days me={me} />
      <Card title={t("settings.look")}>
        <Look />
      </Card>
    </Room>
  );
}
