import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { challengeQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { Answering } from "./answers/Answering";
import { AttemptList } from "./AttemptList";
import css from "./Challenge.module.css";
import { useCountdown, useDuration } from "../../parts/duration";
import { Outcome } from "./Outcome";
import { attemptsQuery, isGraded, useAttempt, useStart, type Attempt, type Challenge } from "./queries";

/** One's attempts at a challenge: the one that is under way, or how the last one went, and those before. */
export function Taking({ challenge }: { challenge: Challenge }) {
  const { t } = useWords("challenges");
  const pages = useInfiniteQuery(attemptsQuery({ challenge_id: challenge.id }));
  const { data: attempts, error } = pages;
  if (!attempts) {
    return (
      <Card title={t("attempt.title")}>
        {error ? <ProblemNotice error={error} again={() => void pages.refetch()} /> : <Skeleton lines={3} />}
      </Card>
    );
  }
  const [latest, ...earlier] = attempts;
  if (!latest) return challenge.locked ? null : <Begin challenge={challenge} />;
  return (
    <>
      <Latest key={latest.id} challenge={challenge} latest={latest} />
      {earlier.length > 0 && (
        <Card title={t("attempt.earlier")}>
          <AttemptList attempts={earlier} />
        </Card>
      )}
    </>
  );
}

function Latest({ challenge, latest }: { challenge: Challenge; latest: Attempt }) {
  const { t } = useWords("challenges");
  const { data, error, refetch } = useAttempt(latest.id, challenge.grader.type === "review");
  const attempt = data ?? latest;
  const place = useFocusOnChange(attempt.status);
  return (
    <div ref={place} tabIndex={-1} className={css.place}>
      {attempt.status === "started" ? (
        <Card title={t("attempt.answer")}>
          <Answering challenge={challenge} attempt={attempt} />
        </Card>
      ) : (
        <Card title={t("attempt.title")}>
          {!data && <ProblemNotice error={error} again={() => void refetch()} />}
          {!data && !error && <Skeleton lines={4} />}
          {data && <Outcome challenge={challenge} attempt={data} />}
          {isGraded(attempt) && <Again challenge={challenge} attempt={attempt} />}
        </Card>
      )}
    </div>
  );
}

function Begin({ challenge }: { challenge: Challenge }) {
  const { t } = useWords("challenges");
  const start = useStart(challenge.id);
  return (
    <Card title={t("attempt.title")}>
      <p className={text.soft}>{t("attempt.begin")}</p>
      <ProblemNotice error={start.error} />
      <div className={form.row}>
        <Button look="main" onPress={() => start.mutate()} isPending={start.isPending}>
          {t("attempt.start")}
        </Button>
      </div>
    </Card>
  );
}

/** The way to another attempt, if there is one and it is worth anything. */
function Again({ challenge, attempt }: { challenge: Challenge; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const duration = useDuration();
  const start = useStart(challenge.id);
  const { dataUpdatedAt } = useQuery(challengeQuery(challenge.id));
  const { standing } = challenge;
  const wait = useCountdown(standing.wait_seconds, dataUpdatedAt);
  if (standing.attempts_left === 0) return challenge.passed ? null : <p>{t("again.none")}</p>;
  const isBest = standing.best_score === 100 && attempt.feedback?.held_back_xp == null;
  if (challenge.passed && isBest) return null;
  return (
    <div className={form.form}>
      {challenge.passed && <p className={text.soft}>{t("again.better")}</p>}
      {wait > 0 && (
        <p role="timer" className={text.soft}>
          {t("again.wait", { time: duration(wait) })}
        </p>
      )}
      <ProblemNotice error={start.error} />
      <div className={form.row}>
        <Button look={challenge.passed ? "plain" : "main"} onPress={() => start.mutate()} isDisabled={wait > 0} isPending={start.isPending}>
          {t("again.start")}
        </Button>
      </div>
    </div>
  );
}

/** What one had the focus in goes away with each step; the focus goes to what comes in its place. */
function useFocusOnChange(step: string) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current !== step) place.current?.focus({ preventScroll: true });
    shown.current = step;
  }, [step]);
  return place;
}
