import { useWords } from "../../../i18n";
import type { Grouping, Line } from "./queries";

const THE_HALL = "00000000-0000-0000-0000-000000000000";

/** Gives how what spends is called: a feature in words, a member by name. */
export function useNames() {
  const { t } = useWords("admin");
  // A feature is the hall's word, not one of a fixed list.
  const feature = (name: string): string => t(`usage.feature.${name}` as "usage.feature.goals.plan", { defaultValue: name });
  const member = (id: string, username?: string | null): string =>
    id === THE_HALL ? t("usage.hallItself") : (username ?? t("usage.left"));
  const ofLine = (group: Grouping, { key, username }: Line): string =>
    group === "member" ? member(key, username) : group === "feature" ? feature(key) : key;
  return { feature, member, ofLine };
}
