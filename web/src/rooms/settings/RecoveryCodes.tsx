import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import css from "../../parts/form.module.css";
import { saveFile } from "../../parts/saveFile";
import { CopyButton } from "../../parts/Secret";
import { Window } from "../../parts/Window";
import own from "./RecoveryCodes.module.css";

/** Recovery codes, as they are shown once. */
export function RecoveryCodes({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  const { t } = useWords("account");
  const text = codes.join("\n");
  const file = `${t("codes.fileTitle", { place: location.origin })}\n\n${text}\n`;
  return (
    <Window title={t("codes.title")} isKept onClose={onClose}>
      <p>{t("codes.words")}</p>
      <ul className={own.codes} aria-label={t("codes.title")}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className={css.row}>
        <CopyButton value={text} />
        <Button onPress={() => saveFile("guildhall-recovery-codes.txt", new Blob([file], { type: "text/plain" }))}>
          {t("codes.save")}
        </Button>
      </div>
      <Button look="main" onPress={onClose}>
        {t("codes.kept")}
      </Button>
    </Window>
  );
}
