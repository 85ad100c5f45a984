import i18next, { type BackendModule } from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";

import type account from "./en/account.json";
import type admin from "./en/admin.json";
import type boards from "./en/boards.json";
import type challenges from "./en/challenges.json";
import type goals from "./en/goals.json";
import type hall from "./en/hall.json";
import type progress from "./en/progress.json";

export type Language = "en" | "de";
export const LANGUAGES: readonly Language[] = ["en", "de"];
const KEPT = "guildhall.language";

interface Words {
  hall: typeof hall;
  account: typeof account;
  admin: typeof admin;
  boards: typeof boards;
  challenges: typeof challenges;
  goals: typeof goals;
  progress: typeof progress;
}
/** The words of a group of rooms; `hall` has those of all rooms. */
export type Vocabulary = keyof Words;

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "hall";
    resources: Words;
  }
}

const fileOf = (language: string, vocabulary: string): Promise<{ default: object }> => import(`./${language}/${vocabulary}.json`);
let hasBegun: () => void = () => undefined;
const begun = new Promise<void>((resolve) => (hasBegun = resolve));

/** Words are files of the build, which are fetched when they are first needed. */
const files: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, vocabulary, done) => {
    fileOf(language, vocabulary).then(
      (words) => done(null, { ...words.default }),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), false),
    );
  },
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
  await i18next
    .use(files)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: false,
      ns: ["hall"],
      defaultNS: "hall",
      interpolation: { escapeValue: false }, // React escapes.
      react: { useSuspense: false },
    });
  document.documentElement.lang = language;
  hasBegun();
}

/** Fetches a room's script and its words together: a room is never shown without its words. */
export async function withWords<Room>(vocabulary: Vocabulary, room: Promise<Room>): Promise<Room> {
  // On their way already while the first words are.
  fileOf(preferred(), vocabulary).catch(() => undefined);
  const [found] = await Promise.all([room, begun.then(() => fetchWords(i18next.language, [vocabulary]))]);
  return found;
}

/** Fetches the words that are not here yet; throws where one cannot: i18next would show their keys. */
async function fetchWords(language: string, vocabularies: readonly string[]): Promise<void> {
  const missing = vocabularies.filter((each) => !i18next.hasResourceBundle(language, each));
  if (missing.length > 0) await i18next.reloadResources([language], missing);
  if (!missing.every((each) => i18next.hasResourceBundle(language, each))) {
    throw new TypeError("The words could not be fetched.");
  }
}

/** Speaks another language from now on, on this device. */
export async function speak(language: Language): Promise<void> {
  await fetchWords(language, Object.keys(i18next.store.data[i18next.language] ?? {}));
  localStorage.setItem(KEPT, language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

/** Gives the words of a room: `t("its.own")`, and `t("hall:do.save")` for those of all rooms. */
export function useWords<Own extends Vocabulary = "hall">(vocabulary: Own = "hall" as Own) {
  const { t, i18n } = useTranslation<[Own, "hall"]>([vocabulary, "hall"]);
  return { t, language: i18n.language as Language };
}
