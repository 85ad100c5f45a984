import { useState } from "react";

import { useWords } from "../../../i18n";
import { Notice } from "../../../parts/Notice";
import type { Attempt, GraderOf } from "../queries";
import { useAnswering } from "./answering";
import { HandIn } from "./HandIn";
import { isAnswered, keyOf, valueOf, type Answers } from "./quiz";
import { QuestionField } from "./QuestionField";

/** The questions of a quiz. What is left open is asked about once. */
export function QuizForm({ grader, attempt }: { grader: GraderOf<"quiz">; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const { questions } = grader;
  const [asked, setAsked] = useState(false);
  const answering = useAnswering<Answers>(
    attempt,
    Object.fromEntries(questions.map(({ id, kind }) => [keyOf(id), kind === "multiple" ? [] : ""])),
    (values) => ({ answers: Object.fromEntries(questions.map((question) => [question.id, valueOf(question, values)])) }),
  );
  const values = answering.form.watch();
  const open = questions.filter((question) => !isAnswered(values[keyOf(question.id)])).length;
  const send = async (): Promise<void> => {
    if (open > 0 && !asked) setAsked(true);
    else await answering.send();
  };
  return (
    <HandIn
      attempt={attempt}
      answering={{ ...answering, send }}
      action={asked && open > 0 ? t("quiz.allTheSame") : t("handIn.action")}
    >
      {questions.map((question, index) => (
        <QuestionField key={question.id} form={answering.form} question={question} number={index + 1} of={questions.length} />
      ))}
      {asked && open > 0 && <Notice tone="plain">{t("quiz.open", { count: open })}</Notice>}
    </HandIn>
  );
}
