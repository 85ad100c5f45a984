import { useQuery } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";

import { challengeQuery } from "../../../api/queries";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import formCss from "../../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import { useCountdown, useDuration } from "../../../parts/duration";
import { type Attempt } from "../queries";

interface HandInProps {
  attempt: Attempt;
  answering: { send: () => Promise<void>; error: unknown; isKept: boolean; isPending: boolean };
  /** What the button says. */
  action: string;
  children: ReactNode;
}

/** A form for an answer: what is asked, what was wrong, and the button. */
export function HandIn({ attempt, answering: { send, error, isKept, isPending }, action, children }: HandInProps) {
  const { t } = useWords("challenges");
  const duration = useDuration();
  const { data: challenge, dataUpdatedAt } = useQuery(challengeQuery(attempt.challenge_id));
  const wait = useCountdown(challenge?.standing.wait_seconds ?? 0, dataUpdatedAt);
  const isUsedUp = challenge?.standing.attempts_left === 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isPending && wait === 0) void send();
  };
  return (
    <form className={formCss.form} onSubmit={submit} noValidate>
      {children}
      {isKept ? <Notice tone="bad">{t("handIn.kept")}</Notice> : <ProblemNotice error={error} />}
      {isUsedUp && <p>{t("again.none")}</p>}
      {wait > 0 && !isUsedUp && (
        <p role="timer" className={text.soft}>
          {t("handIn.wait", { time: duration(wait) })}
        </p>
      )}
      <div className={formCss.row}>
        <Button look="main" type="submit" isPending={isPending} isDisabled={wait > 0 || isUsedUp}>
          {isPending ? t("handIn.sending") : action}
        </Button>
        <span className={text.small}>{t("handIn.draft")}</span>
      </div>
    </form>
  );
}
