import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api, type Schemas } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Skeleton } from "../parts/Card";
import { Field } from "../parts/Field";
import css from "../parts/form.module.css";
import { Notice, ProblemNotice } from "../parts/Notice";
import { PasskeyButton } from "./PasskeyButton";
import { ProviderLinks, useProviders } from "./Providers";

/** What a member can show to come in. */
export const factorsQuery = queryOptions({
  queryKey: ["second-factor"],
  queryFn: () => answer(api.GET("/api/v1/users/me/second-factor")),
});

/** Asks for as much as signing in would take: a passkey, or the password and perhaps a code. */
export function ConfirmForm({ onConfirmed }: { onConfirmed: () => void }) {
  const { t } = useWords();
  const { data: factors, error } = useQuery(factorsQuery);
  if (!factors && !error) return <Skeleton lines={3} />;
  const hasPasskey = (factors?.passkeys ?? 0) > 0;
  const hasPassword = factors?.password ?? true;
  return (
    <>
      {hasPasskey && (
        <div className={css.providers}>
          {!factors?.totp && <p>{t("door.passkeyWords")}</p>}
          <PasskeyButton
            look="main"
            onPasskey={async (credential) => {
              await answer(api.POST("/api/v1/auth/reauthenticate", { body: { credential } }));
              onConfirmed();
            }}
          />
        </div>
      )}
      {hasPasskey && hasPassword && <p className={css.or}>{t("account.or")}</p>}
      {hasPassword ? (
        <PasswordForm asksForCode={factors?.totp ?? false} isFirst={!hasPasskey} onConfirmed={onConfirmed} />
      ) : (
        !hasPasskey && <ElsewhereForm onConfirmed={onConfirmed} />
      )}
    </>
  );
}

interface PasswordFormProps {
  asksForCode: boolean;
  /** Whether nothing stands before it that one might rather do. */
  isFirst: boolean;
  onConfirmed: () => void;
}

function PasswordForm({ asksForCode, isFirst, onConfirmed }: PasswordFormProps) {
  const { t } = useWords();
  const [failed, setFailed] = useState<unknown>(null);
  const [wantsCode, setWantsCode] = useState(asksForCode);
  const { control, handleSubmit, formState } = useForm({ defaultValues: { password: "", code: "" } });
  const confirm = handleSubmit(async ({ password, code }) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/reauthenticate", { body: { password, ...(wantsCode && proofOf(code)) } }));
      onConfirmed();
    } catch (error) {
      if (!wantsCode && asProblem(error).code === "second_factor_code_missing") setWantsCode(true);
      else setFailed(error);
    }
  });
  const required = { required: t("form.required") };
  return (
    <form className={css.form} onSubmit={(event) => void confirm(event)} noValidate>
      <Field control={control} name="password" label={t("account.password")} type="password" autoComplete="current-password" autoFocus={isFirst} rules={required} />
      {wantsCode && (
        <Field
          control={control}
          name="code"
          label={t("signIn.code")}
          why={t("door.codeWhy")}
          autoComplete="one-time-code"
          autoFocus={!asksForCode}
          rules={required}
        />
      )}
      <ProblemNotice error={failed} />
      <Button look={isFirst ? "main" : "plain"} type="submit" isPending={formState.isSubmitting}>
        {t("door.confirm")}
      </Button>
    </form>
  );
}

/** A code of the app has digits only; whatever else is typed is a recovery code. */
function proofOf(typed: string): Pick<Schemas["Reauthenticate"], "code" | "recovery_code"> {
  return /^[\d ]+$/.test(typed) ? { code: typed } : { recovery_code: typed };
}

/** For who has neither password nor passkey here: they sign in elsewhere once more, and come back. */
function ElsewhereForm({ onConfirmed }: { onConfirmed: () => void }) {
  const { t } = useWords();
  const providers = useProviders();
  const [hasGone, setHasGone] = useState(false);
  return (
    <div className={css.providers}>
      <Notice tone="plain">{t("door.elsewhereWords")}</Notice>
      <ProviderLinks providers={providers} inNewTab onPress={() => setHasGone(true)} />
      {hasGone && (
        <Button look="main" onPress={onConfirmed}>
          {t("door.elsewhereDone")}
        </Button>
      )}
    </div>
  );
}
