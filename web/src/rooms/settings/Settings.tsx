import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { Look } from "../../shell/Look";
import { Days } from "./Days";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";

export function Component() {
  const { t } = useWords();
  const me = useMe();
  return (
    <div className={`${text.page} ${text.narrow}`}>
      <title>{`${t("settings.title")} · ${t("hall")}`}</title>
      <h1>{t("settings.title")}</h1>
      <Profile me={me} />
      <Days me={me} />
      <Sessions timeZone={me.time_zone} />
      <Card title={t("settings.look")}>
        <Look />
      </Card>
    </div>
  );
}
