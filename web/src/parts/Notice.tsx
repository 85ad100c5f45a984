import type { ReactNode } from "react";

import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button } from "./Button";
import { useDuration } from "./duration";
import css from "./Notice.module.css";

const WORTH_TELLING_SECONDS = 5;
/** A clock of its own stands beside these. */
const COUNTED_DOWN = new Set(["retry_too_early"]);

export function Notice({ tone, children }: { tone: "good" | "bad" | "plain"; children: ReactNode }) {
  return (
    <div className={css.notice} data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** Says what went wrong as the hall says it, and what to do. Shows nothing for no error. */
export function ProblemNotice({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useWords();
  const sentence = useSentence();
  const duration = useDuration();
  if (!error) return null;
  const problem = asProblem(error);
  // What is read has no form: it is the address that does not fit.
  const isLost = again !== undefined && problem.code === "validation_failed";
  return (
    <Notice tone="bad">
      <p>{isLost ? t("notFound.words") : sentence(problem)}</p>
      {problem.waitSeconds >= WORTH_TELLING_SECONDS && !COUNTED_DOWN.has(problem.code) && (
        <p>{t("problem.wait", { time: duration(problem.waitSeconds) })}</p>
      )}
      {problem.status >= 500 && problem.body.request_id && (
        <p className={css.reference}>{t("problem.reference", { id: problem.body.request_id })}</p>
      )}
      {again && !isLost && (
        <Button look="plain" onPress={again}>
          {t("do.again")}
        </Button>
      )}
    </Notice>
  );
}

/** Gives the sentence for an error: the language's own for that code, else the hall's. */
export function useSentence(): (error: unknown) => string {
  const { t } = useWords();
  return (error) => {
    const problem = asProblem(error);
    // A code is the hall's word, not one of a fixed list.
    const key = `problem.${problem.code}` as "problem.unreachable";
    return t(key, { defaultValue: problem.message });
  };
}
