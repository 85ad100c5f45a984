import { useWords } from "../../i18n";
import { useMe } from "../../session/MembersOnly";
import { Deletion } from "./Deletion";
import { Export } from "./Export";
import { Room } from "./Room";

export function Component() {
  const { t } = useWords("account");
  const me = useMe();
  return (
    <Room title={t("data.title")} words={t("data.words")}>
      <Export timeZone={me.time_zone} />
      <Deletion me={me} />
    </Room>
  );
}
