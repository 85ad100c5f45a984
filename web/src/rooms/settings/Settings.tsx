import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import { useMe } from "../../session/MembersOnly";
import { Look } from "../../shell/Look";
import { Days } from "./Days";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";
import css from "./Settings.module.css";

export function Component() {
  const { t } = useWords();
  const me = useMe();
  return (
    <div className={css.page}>
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
