import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import css from "./Seal.module.css";

/** A member's level. */
export function Seal({ level }: { level: number }) {
  const { t } = useWords();
  const format = useFormats();
  return (
    <p className={css.seal}>
      <span className="only-heard">{t("dashboard.level", { level })}</span>
      <span aria-hidden>{format.number(level)}</span>
    </p>
  );
}
