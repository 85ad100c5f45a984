import type { ReactNode } from "react";

import { useWords } from "../i18n";
import { Button } from "./Button";
import form from "./form.module.css";
import { ProblemNotice } from "./Notice";
import { Window } from "./Window";

interface ConfirmProps {
  title: string;
  /** What will be done, as its button says it. */
  action: string;
  isPending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is done that cannot be taken back. */
export function Confirm({ title, action, isPending, error, onConfirm, onClose, children }: ConfirmProps) {
  const { t } = useWords();
  return (
    <Window title={title} onClose={onClose}>
      {children}
      <ProblemNotice error={error} />
      <div className={form.row}>
        <Button look="main" onPress={onConfirm} isPending={isPending}>
          {action}
        </Button>
        <Button onPress={onClose}>{t("do.cancel")}</Button>
      </div>
    </Window>
  );
}
