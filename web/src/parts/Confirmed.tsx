import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { Button } from "./Button";
import { Confirm } from "./Confirm";
import { Notice } from "./Notice";

interface ConfirmedProps {
  label: string;
  /** What the button says in the window that asks once more, if not the same. */
  sure?: string;
  title: string;
  /** Does it; what it throws is said in the window. */
  run: () => Promise<unknown>;
  /** What is said when it is done. */
  done?: string;
  look?: "main" | "plain" | "quiet";
  isDisabled?: boolean;
  /** What will happen. */
  children: ReactNode;
}

/** A button for what has consequences: it says which, and asks once more. */
export function Confirmed({ label, sure = label, title, run, done, look, isDisabled, children }: ConfirmedProps) {
  const [isAsking, setAsking] = useState(false);
  const change = useMutation({ mutationFn: run, onSuccess: () => setAsking(false) });
  const ask = (): void => {
    change.reset();
    setAsking(true);
  };
  return (
    <>
      <Button look={look} isDisabled={isDisabled} onPress={ask}>
        {label}
      </Button>
      {change.isSuccess && done && <Notice tone="good">{done}</Notice>}
      {isAsking && (
        <Confirm
          title={title}
          action={sure}
          isPending={change.isPending}
          error={change.error}
          onConfirm={() => change.mutate()}
          onClose={() => setAsking(false)}
        >
          {children}
        </Confirm>
      )}
    </>
  );
}
