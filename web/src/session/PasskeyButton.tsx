import { useMutation } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { ProblemNotice } from "../parts/Notice";
import { knowsPasskeys, showPasskey } from "./passkey";

interface PasskeyButtonProps {
  look?: "main" | "plain";
  onPasskey: (credential: Schemas["Assertion"]) => Promise<unknown>;
}

/** Asks for a passkey instead of a password; nothing in a browser that knows none. */
export function PasskeyButton({ look, onPasskey }: PasskeyButtonProps) {
  const { t } = useWords();
  const show = useMutation({ mutationFn: async () => onPasskey(await showPasskey()) });
  if (!knowsPasskeys) return null;
  return (
    <>
      <Button look={look} onPress={() => show.mutate()} isPending={show.isPending}>
        {show.isPending ? t("passkey.waiting") : t("passkey.use")}
      </Button>
      <ProblemNotice error={show.error} />
    </>
  );
}
