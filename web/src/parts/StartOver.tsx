import { useWords } from "../i18n";
import { Confirmed } from "./Confirmed";

/** Throws away what was typed and kept, once that is sure. */
export function StartOver({ onSure }: { onSure: () => void }) {
  const { t } = useWords();
  return (
    <Confirmed look="quiet" label={t("draft.startOver")} sure={t("draft.startOverSure")} title={t("draft.startOver")} run={async () => onSure()}>
      <p>{t("draft.startOverWords")}</p>
    </Confirmed>
  );
}
