import { useQuery } from "@tanstack/react-query";

import { domainsQuery } from "../api/queries";
import { useWords } from "../i18n";
import type { Earned } from "./earned";

/** Gives what XP was earned by, in a few words. */
export function useWhy(): (earned: Earned) => string {
  const { t } = useWords("progress");
  const { data } = useQuery(domainsQuery);
  return ({ causes, causesTotal }) => {
    const [cause] = causes;
    if (cause === undefined) return t("earned.other");
    if (causesTotal > 1) return t("earned.several", { count: causesTotal });
    const domain = data?.items.find(({ id }) => id === cause.domain)?.name;
    switch (cause.cause_type) {
      case "attempt":
        return domain ? t("earned.attemptIn", { domain }) : t("earned.attempt");
      case "task":
        return domain ? t("earned.taskIn", { domain }) : t("earned.task");
      case "correction":
        return t("earned.correction");
      case "rescoring":
        return t("earned.rescoring");
      default:
        return t("earned.other");
    }
  };
}
