import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import css from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import { factorsQuery } from "../../session/ConfirmForm";
import { AppSetup } from "./AppSetup";
import { RecoveryCodes } from "./RecoveryCodes";

const FEW = 3;

/** The second factor by an app that shows codes: set up, recovery codes anew, turned off. */
export function AuthenticatorApp({ factors }: { factors: Schemas["SecondFactorOut"] }) {
  const { t } = useWords("account");
  const client = useQueryClient();
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [asks, setAsks] = useState<"codes" | "off" | null>(null);
  const known = (): Promise<void> => client.invalidateQueries({ queryKey: factorsQuery.queryKey });
  const begin = useMutation({ mutationFn: () => answer(api.POST("/api/v1/users/me/totp")) });
  const turnOff = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/users/me/totp")),
    onSuccess: async () => {
      setAsks(null);
      await known();
    },
  });
  const renew = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/users/me/recovery-codes")),
    onSuccess: async ({ recovery_codes }) => {
      setAsks(null);
      setCodes(recovery_codes);
      await known();
    },
  });
  const ask = (what: "codes" | "off"): void => {
    renew.reset();
    turnOff.reset();
    setAsks(what);
  };
  const left = factors.recovery_codes_left;
  return (
    <Card title={t("app.title")} aside={factors.totp ? t("app.on") : t("app.off")}>
      <p>{factors.totp ? t("app.onWords") : t("app.offWords")}</p>
      {factors.totp && (
        <Notice tone={left > FEW ? "plain" : "bad"}>{left > 0 ? t("app.codesLeft", { count: left }) : t("app.noCodes")}</Notice>
      )}
      <ProblemNotice error={begin.error} />
      <div className={css.row}>
        {factors.totp ? (
          <>
            <Button onPress={() => ask("codes")}>{t("app.renew")}</Button>
            <Button onPress={() => ask("off")}>{t("app.turnOff")}</Button>
          </>
        ) : (
          <Button look="main" onPress={() => begin.mutate()} isPending={begin.isPending}>
            {t("app.setUp")}
          </Button>
        )}
      </div>
      {begin.data && (
        <AppSetup
          totp={begin.data}
          onClose={() => begin.reset()}
          onConfirmed={async (shown) => {
            begin.reset();
            setCodes(shown);
            await known();
            await client.invalidateQueries({ queryKey: ["sessions"] });
          }}
        />
      )}
      {codes && <RecoveryCodes codes={codes} onClose={() => setCodes(null)} />}
      {asks === "codes" && (
        <Confirm title={t("app.renewTitle")} action={t("app.renew")} isPending={renew.isPending} error={renew.error} onConfirm={() => renew.mutate()} onClose={() => setAsks(null)}>
          <p>{t("app.renewWords")}</p>
        </Confirm>
      )}
      {asks === "off" && (
        <Confirm title={t("app.offTitle")} action={t("app.turnOff")} isPending={turnOff.isPending} error={turnOff.error} onConfirm={() => turnOff.mutate()} onClose={() => setAsks(null)}>
          <p>{t("app.turnOffWords")}</p>
        </Confirm>
      )}
    </Card>
  );
}
