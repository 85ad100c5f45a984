import { onlineManager } from "@tanstack/react-query";
import { useEffect, useEffectEvent } from "react";
import { useForm, type DefaultValues, type FieldValues, type UseFormReturn } from "react-hook-form";

import { asProblem } from "../../../api/problem";
import { keptDraft, useDraft } from "../../../parts/draft";
import { draftOf, useHandIn, type Attempt } from "../queries";

/**
 * A form for an answer. What is typed is kept in this browser until it has been handed in; without a
 * network it is handed in when there is one again, unless it is changed before.
 */
export function useAnswering<Values extends FieldValues>(
  attempt: Attempt,
  empty: Values & DefaultValues<Values>,
  body: (values: Values) => Record<string, unknown>,
): Answering<Values> {
  const draft = draftOf(attempt);
  const form = useForm<Values>({ defaultValues: keptDraft(draft, empty) });
  useDraft(draft, form);
  const { mutate, reset, error, isPending } = useHandIn(attempt);
  const send = form.handleSubmit((values) => mutate(body(values)));
  const isKept = error !== null && asProblem(error).status === 0;
  const sendAgain = useEffectEvent(() => void send());
  useEffect(() => {
    if (!isKept) return;
    const stopTyping = form.watch(() => reset());
    const stopWaiting = onlineManager.subscribe((isOnline) => isOnline && sendAgain());
    return () => {
      stopTyping.unsubscribe();
      stopWaiting();
    };
  }, [isKept, form, reset]);
  return { form, send, error, isKept, isPending };
}

export interface Answering<Values extends FieldValues> {
  readonly form: UseFormReturn<Values>;
  readonly send: () => Promise<void>;
  readonly error: unknown;
  /** Nobody could be reached; it waits in this browser. */
  readonly isKept: boolean;
  readonly isPending: boolean;
}
