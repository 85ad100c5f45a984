import { useState } from "react";
import { useForm } from "react-hook-form";

import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import css from "../parts/form.module.css";
import { showAtFields } from "../parts/form";
import { ProblemNotice, useSentence } from "../parts/Notice";

type Code = { code: string } | { recovery_code: string };

/** Asks for the second factor: a code of the app, or a recovery code. */
export function CodeForm({ onCode, onStartOver }: { onCode: (code: Code) => Promise<void>; onStartOver: () => void }) {
  const { t } = useWords();
  const sentence = useSentence();
  const [byRecovery, setByRecovery] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const form = useForm({ defaultValues: { code: "" }, shouldFocusError: true });

  const show = form.handleSubmit(async ({ code }) => {
    setFailed(null);
    try {
      await onCode(byRecovery ? { recovery_code: code } : { code });
    } catch (error) {
      if (!showAtFields(error, { code, recovery_code: code }, (_, said) => form.setError("code", said), sentence)) {
        setFailed(error);
      }
    }
  });

  return (
    <form className={css.form} onSubmit={(event) => void show(event)} noValidate>
      <p>{byRecovery ? t("signIn.recoveryWords") : t("signIn.codeWords")}</p>
      <Field
        key={byRecovery ? "recovery" : "app"}
        control={form.control}
        name="code"
        label={byRecovery ? t("signIn.recovery") : t("signIn.code")}
        autoComplete={byRecovery ? "off" : "one-time-code"}
        inputMode={byRecovery ? "text" : "numeric"}
        autoFocus
        rules={{ required: t("form.required") }}
      />
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
        {form.formState.isSubmitting ? t("signIn.waiting") : t("signIn.action")}
      </Button>
      <div className={css.row}>
        <Button
          look="quiet"
          onPress={() => {
            form.reset();
            setByRecovery(!byRecovery);
          }}
        >
          {byRecovery ? t("signIn.useApp") : t("signIn.useRecovery")}
        </Button>
        <Button look="quiet" onPress={onStartOver}>
          {t("signIn.other")}
        </Button>
      </div>
    </form>
  );
}
