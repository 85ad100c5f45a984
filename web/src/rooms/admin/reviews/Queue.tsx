import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { useWords } from "../../../i18n";
import { useFormats } from "../../../i18n/formats";
import { Card, Skeleton } from "../../../parts/Card";
import { Notice, ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import { AttemptCard } from "./AttemptCard";
import { toReviewQuery, type Attempt } from "./queries";
import { Waiting } from "./Waiting";

/** What waits for one's judgement, one after the other, the oldest first. */
export function Queue() {
  const { t } = useWords("admin");
  const waiting = useInfiniteQuery(toReviewQuery);
  const [done, setDone] = useState<readonly Attempt[]>([]);
  const [isFresh, setFresh] = useState(false);
  const left = waiting.data?.filter(({ id }) => !done.some((each) => each.id === id));
  const { held, hold } = useHeld(left);
  const isTaken = held !== undefined && !waiting.hasNextPage && !left?.some(({ id }) => id === held.id);
  const place = useRef<HTMLDivElement>(null);
  const newest = done.at(-1);

  const goTo = (attempt?: Attempt): void => {
    setFresh(false);
    hold(attempt);
    place.current?.focus();
  };
  return (
    <>
      {/* What is seen next begins here: the focus comes back to it after each review. */}
      <div className={text.page} ref={place} tabIndex={-1}>
        {newest && isFresh && <Given attempt={newest} />}
        {!waiting.data && <Beginning error={waiting.error} again={() => void waiting.refetch()} />}
        {waiting.data && !held && (
          <Card title={t("reviews.none")}>
            <p>{t("reviews.noneWords")}</p>
          </Card>
        )}
        {held && (
          <AttemptCard
            key={held.id}
            attempt={held}
            isTaken={isTaken}
            onGiven={(reviewed) => {
              setDone([...done, { ...reviewed, challenge_title: held.challenge_title, username: held.username }]);
              goTo();
              setFresh(true);
            }}
            onNext={() => {
              setDone([...done, held]);
              goTo();
            }}
          />
        )}
      </div>
      {held && left && <Waiting attempts={left} pages={waiting} current={held} onChoose={goTo} />}
    </>
  );
}

/** Holds on to what is being looked at, though somebody else may finish it meanwhile. */
function useHeld(left: readonly Attempt[] | undefined) {
  const [chosen, hold] = useState<Attempt>();
  const [first] = left ?? [];
  useEffect(() => {
    if (chosen === undefined && first !== undefined) hold(first);
  }, [chosen, first]);
  return { held: chosen ?? first, hold };
}

function Beginning({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useWords("admin");
  if (error) return <ProblemNotice error={error} again={again} />;
  return (
    <Card title={t("hall:wait")}>
      <Skeleton lines={6} />
    </Card>
  );
}

function Given({ attempt }: { attempt: Attempt }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const words = { title: attempt.challenge_title ?? "", name: attempt.username ?? t("reviews.left"), score: format.number(attempt.score ?? 0) };
  return <Notice tone="good">{t(attempt.status === "passed" ? "reviews.givenPassed" : "reviews.givenFailed", words)}</Notice>;
}
