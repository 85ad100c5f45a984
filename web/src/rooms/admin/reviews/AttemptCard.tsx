import { useQuery } from "@tanstack/react-query";

import { asProblem } from "../../../api/problem";
import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Card, Skeleton } from "../../../parts/Card";
import { ProblemNotice } from "../../../parts/Notice";
import { Prose } from "../../../parts/Prose";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import { reviewedChallengeQuery, type Attempt } from "./queries";
import css from "./Reviews.module.css";
import { ReviewForm } from "./ReviewForm";

interface AttemptCardProps {
  attempt: Attempt;
  /** Somebody else has reviewed it meanwhile. */
  isTaken: boolean;
  onGiven: (reviewed: Attempt) => void;
  onNext: () => void;
}

/** What was handed in, at what, and the form to judge it by. */
export function AttemptCard({ attempt, isTaken, onGiven, onNext }: AttemptCardProps) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const challenge = useQuery(reviewedChallengeQuery(attempt.challenge_id));
  const isRemoved = challenge.error !== null && asProblem(challenge.error).status === 404;
  const grader = challenge.data?.secret?.grader;
  return (
    <Card
      title={attempt.challenge_title ?? t("reviews.attempt")}
      aside={t("reviews.by", {
        name: attempt.username ?? t("reviews.left"),
        moment: format.moment(attempt.submitted_at ?? attempt.started_at),
      })}
    >
      <section className={css.answer} aria-label={t("reviews.answer")}>
        {paragraphsOf(attempt.answer).map((paragraph, index) => (
          <p key={index}>{paragraph}</p>
        ))}
      </section>
      <details className={css.challenge}>
        <summary>{t("reviews.challenge")}</summary>
        {challenge.data && <Prose>{challenge.data.description}</Prose>}
        {challenge.data?.secret?.explanation && (
          <>
            <h3>{t("reviews.explanation")}</h3>
            <Prose>{challenge.data.secret.explanation}</Prose>
          </>
        )}
        {isRemoved && <p>{t("reviews.removed")}</p>}
      </details>
      {challenge.error && !isRemoved && <ProblemNotice error={challenge.error} again={() => void challenge.refetch()} />}
      {challenge.isPending && <Skeleton lines={3} />}
      {(grader?.type === "review" || isRemoved) && (
        <ReviewForm
          attempt={attempt}
          rubric={grader?.type === "review" ? (grader.rubric ?? []) : []}
          passScore={grader?.type === "review" ? grader.pass_score : undefined}
          isTaken={isTaken}
          onGiven={onGiven}
          onNext={onNext}
        />
      )}
      {grader && grader.type !== "review" && <p className={text.soft}>{t("reviews.notReviewed")}</p>}
    </Card>
  );
}

/** What was written, as its author parted it; of an answer of another kind, all that it holds. */
function paragraphsOf(answer: Attempt["answer"]): string[] {
  const written = typeof answer?.text === "string" ? answer.text : JSON.stringify(answer, null, 2);
  return written.split(/\n(?:[^\S\n]*\n)+/).filter((paragraph) => paragraph.trim() !== "");
}
