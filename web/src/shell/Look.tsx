import { useId } from "react";

import { LANGUAGES, speak, useWords, type Language } from "../i18n";
import css from "./Look.module.css";
import { choose, THEMES, useTheme, type Theme } from "./theme";

/** Language and light, for this device. */
export function Look() {
  const { t, language } = useWords();
  const theme = useTheme();
  const id = useId();
  return (
    <div className={css.look}>
      <label htmlFor={`${id}-language`}>
        <span>{t("language.label")}</span>
        <select id={`${id}-language`} value={language} onChange={(event) => void speak(event.target.value as Language)}>
          {LANGUAGES.map((each) => (
            <option key={each} value={each} lang={each}>
              {t(`language.${each}`)}
            </option>
          ))}
        </select>
      </label>
      <label htmlFor={`${id}-theme`}>
        <span>{t("theme.label")}</span>
        <select id={`${id}-theme`} value={theme} onChange={(event) => choose(event.target.value as Theme)}>
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {t(`theme.${each}`)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
