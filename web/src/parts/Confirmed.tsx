import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { useWords } from "../i18n";
import { Button } from "./Button";
import form from "./form.module.css";
import { Notice, ProblemNotice } from "./Notice";
import { Window } from "./Window";

interface ConfirmedProps {
  /** What the button says, here and in the window that asks once more. */
  label: string;
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
export function Confirmed({ label, title, run, done, look, isDisabled, children }: ConfirmedProps) {
  const { t } = useWords();
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
        <Window title={title} onClose={() => setAsking(false)}>
          {children}
          <ProblemNotice error={change.error} />
          <div className={form.row}>
            <Button look="main" isPending={change.isPending} onPress={() => change.mutate()}>
              {label}
            </Button>
            <Button onPress={() => setAsking(false)}>{t("do.cancel")}</Button>
          </div>
        </Window>
      )}
    </>
  );
}
