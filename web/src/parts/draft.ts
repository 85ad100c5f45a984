import { useEffect } from "react";
import type { FieldValues, UseFormReturn } from "react-hook-form";

const KEPT = "guildhall.draft.";

/** Gives what was typed here before and never sent; else the empty form. */
export function keptDraft<Values extends object>(name: string, empty: Values): Values {
  const written = localStorage.getItem(KEPT + name);
  try {
    return written === null ? empty : { ...empty, ...JSON.parse(written) };
  } catch {
    return empty;
  }
}

export function forgetDraft(name: string): void {
  localStorage.removeItem(KEPT + name);
}

export function keepDraft(name: string, values: object): void {
  try {
    localStorage.setItem(KEPT + name, JSON.stringify(values));
  } catch {
    // The browser has no room left: it stays on the page.
  }
}

/** Keeps what is typed into a form in this browser. */
export function useDraft<Values extends FieldValues>(name: string, form: UseFormReturn<Values>): void {
  const { watch } = form;
  useEffect(() => {
    const typing = watch((values) => keepDraft(name, values));
    return () => typing.unsubscribe();
  }, [name, watch]);
}
