import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { ProblemNotice, useSentence } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { deviceName } from "../../session/device";
import { makePasskey } from "../../session/passkey";

/** Asks how a new passkey is to be called, and has it made. */
export function NewPasskey({ onAdded, onClose }: { onAdded: () => Promise<void>; onClose: () => void }) {
  const { t } = useWords("account");
  const sentence = useSentence();
  const [failed, setFailed] = useState<unknown>(null);
  const { control, handleSubmit, setError, formState } = useForm({ defaultValues: { name: deviceName() ?? "" } });
  const add = handleSubmit(async (values) => {
    setFailed(null);
    try {
      const options = await answer(api.POST("/api/v1/users/me/passkeys/options"));
      const credential = await makePasskey(options);
      await answer(api.POST("/api/v1/users/me/passkeys", { body: { ...values, credential } }));
      await onAdded();
    } catch (error) {
      if (!showAtFields(error, values, setError, sentence)) setFailed(error);
    }
  });
  return (
    <Window title={t("passkeys.add")} onClose={onClose}>
      <form className={css.form} onSubmit={(event) => void add(event)} noValidate>
        <p>{t("passkeys.addWords")}</p>
        <Field
          control={control}
          name="name"
          label={t("passkeys.name")}
          why={t("passkeys.nameWhy")}
          autoComplete="off"
          rules={{ required: t("hall:form.required"), maxLength: { value: 80, message: t("keys.tooLong", { count: 80 }) } }}
        />
        <ProblemNotice error={failed} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={formState.isSubmitting}>
            {t("passkeys.make")}
          </Button>
          <Button look="quiet" onPress={onClose}>
            {t("hall:do.cancel")}
          </Button>
        </div>
      </form>
    </Window>
  );
}
