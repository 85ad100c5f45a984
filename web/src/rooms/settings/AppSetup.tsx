import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { ProblemNotice, useSentence } from "../../parts/Notice";
import { Secret } from "../../parts/Secret";
import { Window } from "../../parts/Window";
import { QrCode } from "./QrCode";

interface AppSetupProps {
  totp: Schemas["TotpOut"];
  onConfirmed: (recoveryCodes: readonly string[]) => Promise<void>;
  onClose: () => void;
}

/** Shows an app what it counts from, and asks for the first code it counts. */
export function AppSetup({ totp, onConfirmed, onClose }: AppSetupProps) {
  const { t } = useWords("account");
  const sentence = useSentence();
  const [failed, setFailed] = useState<unknown>(null);
  const { control, handleSubmit, setError, formState } = useForm({ defaultValues: { code: "" } });
  const confirm = handleSubmit(async (values) => {
    setFailed(null);
    try {
      const { recovery_codes } = await answer(api.POST("/api/v1/users/me/totp/confirm", { body: values }));
      await onConfirmed(recovery_codes);
    } catch (error) {
      if (!showAtFields(error, values, setError, sentence)) setFailed(error);
    }
  });
  return (
    <Window title={t("app.setUpTitle")} isKept onClose={onClose}>
      <p>{t("app.scan")}</p>
      <QrCode text={totp.uri} label={t("app.qr")} />
      <Secret label={t("app.secret")} value={totp.secret} shown={totp.secret.match(/.{1,4}/g)?.join(" ")} />
      <p>
        <a href={totp.uri}>{t("app.openHere")}</a>
      </p>
      <form className={css.form} onSubmit={(event) => void confirm(event)} noValidate>
        <Field
          control={control}
          name="code"
          label={t("hall:signIn.code")}
          why={t("app.codeWhy")}
          inputMode="numeric"
          autoComplete="one-time-code"
          rules={{ required: t("hall:form.required") }}
        />
        <ProblemNotice error={failed} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={formState.isSubmitting}>
            {t("app.confirm")}
          </Button>
          <Button look="quiet" onPress={onClose}>
            {t("hall:do.cancel")}
          </Button>
        </div>
      </form>
    </Window>
  );
}
