import { useMutation } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Notice, ProblemNotice } from "../../parts/Notice";

export function VerifyReminder({ email }: { email: string }) {
  const { t } = useWords();
  const send = useMutation({ mutationFn: () => answer(api.POST("/api/v1/users/me/verify-email")) });
  if (send.isSuccess) return <Notice tone="good">{t("dashboard.verifySent", { email })}</Notice>;
  return (
    <>
      <Notice tone="plain">
        <p>{t("dashboard.verify", { email })}</p>
        <Button look="quiet" onPress={() => send.mutate()} isPending={send.isPending}>
          {t("dashboard.verifyAgain")}
        </Button>
      </Notice>
      <ProblemNotice error={send.error} />
    </>
  );
}
