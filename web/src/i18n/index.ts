import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";
import type en from "./en.json";

export type Language = "en" | "de";
export const LANGUAGES: readonly Language[] = ["en", "de"];
const KEPT = "guildhall.language";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "hall";
    resources: { hall: typeof en };
  }
}

const words: Record<Language, () => Promise<{ default: object }>> = {
  en: () => import("./en.json"),
  de: () => import("./de.json"),
};

/** Gives what the member chose here before; else what the browser asks for; else English. */
function preferred(): Language {
  const wanted = [localStorage.getItem(KEPT) ?? "", ...navigator.languages];
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (found) return found;
  }
  return "en";
}

export async function beginToSpeak(): Promise<void> {
  const language = preferred();
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    ns: ["hall"],
    defaultNS: "hall",
    interpolation: { escapeValue: false }, // React escapes.
    resources: { [language]: { hall: (await words[language]()).default } },
    react: { useSuspense: false },
  });
  document.documentElement.lang = language;
}

/** Speaks another language from now on, on this device. */
export async function speak(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, "hall")) {
    i18next.addResourceBundle(language, "hall", (await words[language]()).default);
  }
  localStorage.setItem(KEPT, language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

export function useWords() {
  const { t, i18n } = useTranslation();
  return { t, language: i18n.language as Language };
}
