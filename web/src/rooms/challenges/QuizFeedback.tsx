import { useWords } from "../../i18n";
import { ProseLine } from "../../parts/Prose";
import text from "../../parts/text.module.css";
import { answersIn } from "./answer";
import css from "./Outcome.module.css";
import { FailedIcon, PassedIcon } from "./icons";
import type { Attempt, GraderOf } from "./queries";

interface QuizFeedbackProps {
  questions: GraderOf<"quiz">["questions"];
  attempt: Attempt;
  feedback: NonNullable<Attempt["feedback"]>;
}

/** Each question with what was answered, and whether it was right. */
export function QuizFeedback({ questions, attempt, feedback }: QuizFeedbackProps) {
  const { t } = useWords("challenges");
  const given = answersIn(attempt.answer);
  return (
    <ol className={css.questions}>
      {questions
        .filter(({ id }) => feedback.right && id in feedback.right)
        .map(({ id, prompt }) => {
          const isRight = feedback.right?.[id] === true;
          const explanation = feedback.explanations?.[id];
          return (
            <li key={id} className={`${css.question} ${isRight ? css.right : css.wrong}`}>
              {isRight ? <PassedIcon /> : <FailedIcon />}
              <span>
                <strong>{isRight ? t("quiz.right") : t("quiz.wrong")}</strong>
              </span>
              <span className={css.plain}>
                <ProseLine>{prompt}</ProseLine>
              </span>
              <span className={text.small}>{given[id] ? t("quiz.given", { answer: given[id] }) : t("quiz.notGiven")}</span>
              {explanation && (
                <span className={css.plain}>
                  <ProseLine>{explanation}</ProseLine>
                </span>
              )}
            </li>
          );
        })}
    </ol>
  );
}
