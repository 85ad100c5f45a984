import { useId, useState } from "react";

import { unreachable } from "../api/problem";
import { LANGUAGES, speak, useWords, type Language } from "../i18n";
import { ProblemNotice } from "../parts/Notice";
import css from "./Look.module.css";
import { choose, THEMES, useTheme, type Theme } from "./theme";

/** Language and light, for this device. */
export function Look() {
  const { t, language } = useWords();
  const theme = useTheme();
  const id = useId();
  const [failed, setFailed] = useState<unknown>(null);
  const change = (wanted: Language): void => {
    setFailed(null);
    speak(wanted).catch(() => setFailed(unreachable()));
  };
  return (
    <div className={css.look}>
      <label htmlFor={`${id}-language`}>
        <span>{t("language.label")}</span>
        <select id={`${id}-language`} value={language} onChange={(event) => change(event.target.value as Language)}>
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
      <ProblemNotice error={failed} />
    </div>
  );
}
