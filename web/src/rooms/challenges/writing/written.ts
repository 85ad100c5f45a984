import type { Schemas } from "../../../api/client";
import type { Challenge, Difficulty } from "../queries";

type Body = Schemas["ChallengeIn"];
type GraderBody = Body["grader"];
type QuestionBody = Extract<GraderBody, { type: "quiz" }>["questions"][number];
export type GraderType = GraderBody["type"];
export type QuestionKind = QuestionBody["kind"];

export const GRADERS: readonly GraderType[] = ["quiz", "flag", "review", "self"];
export const KINDS: readonly QuestionKind[] = ["single", "multiple", "numeric", "text"];

export interface WrittenQuestion {
  /** The hall's id of it; "" for a new one. */
  key: string;
  prompt: string;
  kind: QuestionKind;
  /** One a line, as are `texts`. */
  options: string;
  right: string;
  rights: string[];
  number: string;
  tolerance: string;
  texts: string;
  exact: YesOrNo;
  explanation: string;
}

type YesOrNo = "yes" | "no";

/** A challenge as it stands in the form: every field is a text, and no grader's fields are lost by trying another. */
export interface Written {
  title: string;
  description: string;
  xp: string;
  difficulty: Difficulty;
  domain: string;
  tags: string;
  explanation: string;
  requires: string[];
  max_attempts: string;
  retry_wait_seconds: string;
  type: GraderType;
  flag: string;
  exact: YesOrNo;
  pass_score: string;
  questions: WrittenQuestion[];
  rubric: { criterion: string; points: string }[];
  checklist: string;
}

export const NEW_QUESTION: WrittenQuestion = {
  key: "",
  prompt: "",
  kind: "single",
  options: "",
  right: "",
  rights: [],
  number: "",
  tolerance: "0",
  texts: "",
  exact: "no",
  explanation: "",
};

export const NOTHING: Written = {
  title: "",
  description: "",
  xp: "100",
  difficulty: "medium",
  domain: "",
  tags: "",
  explanation: "",
  requires: [],
  max_attempts: "",
  retry_wait_seconds: "",
  type: "quiz",
  flag: "",
  exact: "yes",
  pass_score: "60",
  questions: [NEW_QUESTION],
  rubric: [],
  checklist: "",
};

export const linesOf = (text: string): string[] => [
  ...new Set(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== ""),
  ),
];

/** Reads a number as it was written, with a comma or a point; NaN for none. */
export const numberIn = (text: string): number => (text.trim() === "" ? NaN : Number(text.trim().replace(",", ".")));

const yes = (is: boolean | undefined): YesOrNo => (is ? "yes" : "no");
const orNull = (text: string): string | null => (text.trim() === "" ? null : text);
const countOrNull = (text: string): number | null => (text.trim() === "" ? null : Number(text));

export function bodyOf(written: Written): Body {
  return {
    title: written.title,
    description: written.description,
    xp: Number(written.xp),
    difficulty: written.difficulty,
    domain: orNull(written.domain),
    tags: written.tags.split(",").flatMap((tag) => (tag.trim() === "" ? [] : [tag.trim()])),
    explanation: orNull(written.explanation),
    requires: written.requires,
    max_attempts: countOrNull(written.max_attempts),
    retry_wait_seconds: countOrNull(written.retry_wait_seconds),
    grader: graderOf(written),
  };
}

function graderOf(written: Written): GraderBody {
  const pass_score = Number(written.pass_score);
  switch (written.type) {
    case "flag":
      return { type: "flag", flag: written.flag, case_sensitive: written.exact === "yes" };
    case "quiz":
      return { type: "quiz", pass_score, questions: questionsOf(written.questions) };
    case "review":
      return {
        type: "review",
        pass_score,
        rubric: written.rubric.map(({ criterion, points }) => ({ criterion, points: Number(points) })),
      };
    case "self":
      return { type: "self", checklist: linesOf(written.checklist) };
  }
}

/** A question keeps its id when others come and go: answers are handed in by it. */
function questionsOf(questions: readonly WrittenQuestion[]): QuestionBody[] {
  const taken = new Set(questions.map(({ key }) => key));
  let next = 1;
  const fresh = (): string => {
    while (taken.has(`q${next}`)) next += 1;
    taken.add(`q${next}`);
    return `q${next}`;
  };
  return questions.map((question) => ({
    id: question.key === "" ? fresh() : question.key,
    prompt: question.prompt,
    kind: question.kind,
    explanation: orNull(question.explanation),
    ...solutionOf(question),
  }));
}

function solutionOf(question: WrittenQuestion): Pick<QuestionBody, "answer" | "options" | "tolerance" | "case_sensitive"> {
  const common = { options: null, tolerance: 0, case_sensitive: false };
  const options = linesOf(question.options);
  switch (question.kind) {
    case "single":
      return { ...common, options, answer: question.right };
    case "multiple":
      return { ...common, options, answer: options.filter((option) => question.rights.includes(option)) };
    case "numeric":
      return { ...common, answer: numberIn(question.number), tolerance: numberIn(question.tolerance) || 0 };
    case "text":
      return { ...common, answer: linesOf(question.texts), case_sensitive: question.exact === "yes" };
  }
}

/** Reads a challenge into the form, for those who may see what readers do not. */
export function writtenOf(challenge: Challenge): Written {
  const grader = challenge.secret?.grader;
  const written: Written = {
    ...NOTHING,
    title: challenge.title,
    description: challenge.description,
    xp: String(challenge.xp),
    difficulty: challenge.difficulty,
    domain: challenge.domain ?? "",
    tags: challenge.tags.join(", "),
    explanation: challenge.secret?.explanation ?? "",
    requires: challenge.requires,
    max_attempts: String(challenge.max_attempts ?? ""),
    retry_wait_seconds: String(challenge.retry_wait_seconds ?? ""),
    type: challenge.grader_type,
  };
  switch (grader?.type) {
    case "flag":
      return { ...written, flag: grader.flag, exact: yes(grader.case_sensitive) };
    case "quiz":
      return { ...written, pass_score: String(grader.pass_score), questions: grader.questions.map(writtenQuestion) };
    case "review":
      return {
        ...written,
        pass_score: String(grader.pass_score),
        rubric: (grader.rubric ?? []).map(({ criterion, points }) => ({ criterion, points: String(points) })),
      };
    case "self":
      return { ...written, checklist: (grader.checklist ?? []).join("\n") };
    default:
      return written;
  }
}

function writtenQuestion({ id, prompt, kind, options, answer, tolerance, case_sensitive, explanation }: QuestionBody): WrittenQuestion {
  const answers = Array.isArray(answer) ? answer : [String(answer)];
  return {
    ...NEW_QUESTION,
    key: id,
    prompt,
    kind,
    options: (options ?? []).join("\n"),
    right: kind === "single" ? (answers[0] ?? "") : "",
    rights: kind === "multiple" ? answers : [],
    number: kind === "numeric" ? (answers[0] ?? "") : "",
    tolerance: String(tolerance ?? 0),
    texts: kind === "text" ? answers.join("\n") : "",
    exact: yes(case_sensitive),
    explanation: explanation ?? "",
  };
}
