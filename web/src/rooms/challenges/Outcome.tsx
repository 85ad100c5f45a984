import { useEffect, useState } from "react";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Prose } from "../../parts/Prose";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Outcome.module.css";
import { FailedIcon, PassedIcon } from "./icons";
import { isGraded, type Attempt, type Challenge } from "./queries";
import { QuizFeedback } from "./QuizFeedback";
import { Rubric } from "./Rubric";
import { WhyXp } from "./WhyXp";

const LONG_MILLISECONDS = 20_000;

/** How an attempt that was handed in stands: waiting for its grade, or with it. */
export function Outcome({ challenge, attempt }: { challenge?: Challenge; attempt: Attempt }) {
  if (!isGraded(attempt)) return <Waiting attempt={attempt} byPerson={challenge?.grader.type === "review"} />;
  return <Graded challenge={challenge} attempt={attempt} />;
}

function Waiting({ attempt, byPerson }: { attempt: Attempt; byPerson: boolean }) {
  const { t } = useWords("challenges");
  const format = useFormats(useMe().time_zone);
  const isLong = useIsLong(LONG_MILLISECONDS);
  return (
    <div className={css.waiting} role="status">
      {!byPerson && <span className={css.busy} aria-hidden />}
      <div>
        <p>
          <strong>{byPerson ? t("waiting.person") : t("waiting.machine")}</strong>
        </p>
        <p className={text.soft}>
          {byPerson && t("waiting.personWords", { date: format.moment(attempt.submitted_at ?? attempt.started_at) })}
          {!byPerson && isLong && t("waiting.long")}
        </p>
      </div>
    </div>
  );
}

function Graded({ challenge, attempt }: { challenge?: Challenge; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const format = useFormats();
  const { feedback } = attempt;
  const isPassed = attempt.status === "passed";
  const grader = challenge?.grader;
  return (
    <>
      <p className={isPassed ? css.passed : css.failed} role="status">
        {isPassed ? <PassedIcon /> : <FailedIcon />}
        <strong>{isPassed ? t("outcome.passed") : t("outcome.failed")}</strong>
        {grader?.type !== "self" && grader?.type !== "flag" && (
          <span>{t("outcome.score", { score: format.number(attempt.score ?? 0) })}</span>
        )}
      </p>
      {!isPassed && grader?.type === "flag" && <p>{t("outcome.wrongFlag")}</p>}
      {!isPassed && grader && "pass_score" in grader && (
        <p>{t("outcome.below", { score: format.number(grader.pass_score ?? 0) })}</p>
      )}
      {grader?.type === "quiz" && feedback?.right && (
        <QuizFeedback questions={grader.questions} attempt={attempt} feedback={feedback} />
      )}
      {grader?.type === "review" && feedback?.points && <Rubric rubric={grader.rubric ?? []} points={feedback.points} />}
      {feedback?.held_back_xp == null && feedback?.comment && (
        <figure className={css.comment}>
          <figcaption className={text.small}>{t("outcome.comment")}</figcaption>
          <Prose>{feedback.comment}</Prose>
        </figure>
      )}
      {isPassed && <WhyXp challenge={challenge} attempt={attempt} />}
      {attempt.explanation && (
        <section className={css.explanation}>
          <h3>{t("outcome.explanation")}</h3>
          <Prose>{attempt.explanation}</Prose>
        </section>
      )}
    </>
  );
}

function useIsLong(milliseconds: number): boolean {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const clock = setTimeout(() => setLong(true), milliseconds);
    return () => clearTimeout(clock);
  }, [milliseconds]);
  return isLong;
}
