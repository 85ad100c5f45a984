import { useQuery } from "@tanstack/react-query";

import { domainsQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import css from "./Facts.module.css";
import type { ChallengeSummary } from "./queries";

/** What a challenge is worth, how hard it is, in which field, and what it asks for. */
export function Facts({ challenge }: { challenge: ChallengeSummary }) {
  const { t } = useWords("challenges");
  const format = useFormats();
  const { data: domains } = useQuery(domainsQuery);
  return (
    <ul className={css.facts}>
      <li className={css.xp}>{t("hall:dashboard.xp", { xp: format.number(challenge.xp) })}</li>
      <li>{t(`difficulty.${challenge.difficulty}`)}</li>
      {challenge.domain && <li>{domains?.items.find(({ id }) => id === challenge.domain)?.name ?? challenge.domain}</li>}
      <li>{t(`kind.${challenge.grader_type}`)}</li>
    </ul>
  );
}
