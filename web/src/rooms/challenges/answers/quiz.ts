import type { GraderOf } from "../queries";

export type Question = GraderOf<"quiz">["questions"][number];
/** What is typed or chosen, by the question's key. */
export type Answers = Record<string, string | string[]>;

/** Names a question's field: in an id may stand what a form takes for a path. */
export function keyOf(questionId: string): string {
  return `q${encodeURIComponent(questionId).replace(/[.'%]/g, (sign) => `_${sign.charCodeAt(0)}_`)}`;
}

export const isAnswered = (value: string | string[] | null | undefined): boolean =>
  Array.isArray(value) ? value.length > 0 : (value ?? "").trim() !== "";

/** Reads a number as people write it, with a comma or a point; NaN if it is none. */
export function numberOf(written: string): number {
  const plain = written.trim().replace(/^([+-]?\d*),(\d+)$/, "$1.$2");
  return plain === "" ? NaN : Number(plain);
}

/** The answer to a question as the hall takes it; null for none. */
export function valueOf(question: Question, answers: Answers): string | number | string[] | null {
  const value = answers[keyOf(question.id)];
  if (!isAnswered(value) || value === undefined) return null;
  return question.kind === "numeric" && !Array.isArray(value) ? numberOf(value) : value;
}
