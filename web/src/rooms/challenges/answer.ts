import type { Attempt } from "./queries";

type Given = Attempt["answer"];

/** The text that was handed in, to whichever grader takes one; null for none. */
export function textIn(given: Given): string | null {
  const found = given?.answer ?? given?.text ?? given?.note;
  return typeof found === "string" ? found : null;
}

/** What was answered to each question of a quiz, as a line. */
export function answersIn(given: Given): Readonly<Record<string, string>> {
  const answers = given?.answers;
  if (typeof answers !== "object" || answers === null) return {};
  return Object.fromEntries(
    Object.entries(answers).flatMap(([id, value]: [string, unknown]) =>
      value === null ? [] : [[id, Array.isArray(value) ? value.join(", ") : String(value)]],
    ),
  );
}
