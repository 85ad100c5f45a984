import type { Attempt, Challenge } from "../queries";
import { FlagForm } from "./FlagForm";
import { QuizForm } from "./QuizForm";
import { ReviewForm } from "./ReviewForm";
import { SelfForm } from "./SelfForm";

/** What a challenge asks for. */
export function Answering({ challenge, attempt }: { challenge: Challenge; attempt: Attempt }) {
  const { grader } = challenge;
  switch (grader.type) {
    case "flag":
      return <FlagForm grader={grader} attempt={attempt} />;
    case "quiz":
      return <QuizForm grader={grader} attempt={attempt} />;
    case "review":
      return <ReviewForm grader={grader} attempt={attempt} />;
    case "self":
      return <SelfForm grader={grader} attempt={attempt} />;
  }
}
