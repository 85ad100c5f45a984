import { useWords } from "../../i18n";
import { useMe } from "../../session/MembersOnly";
import { Suite } from "../../shell/Suite";

/** What members see of each other: boards, seasons, badges, and one's own page. */
export function Component() {
  const { t } = useWords("boards");
  const me = useMe();
  return (
    <Suite
      title={t("suite")}
      rooms={[
        ["/leaderboards", t("boards")],
        ["/leaderboards/seasons", t("seasons.title")],
        ["/badges", t("gallery.title")],
        [`/members/${me.id}`, t("ownPage")],
      ]}
    />
  );
}
