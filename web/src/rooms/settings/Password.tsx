import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import { factorsQuery } from "../../session/ConfirmForm";

/** A new password in place of the old one, or the first for who came by a provider. */
export function Password({ hasOne, username }: { hasOne: boolean; username: string }) {
  const { t } = useWords("account");
  const sentence = useSentence();
  const client = useQueryClient();
  const [failed, setFailed] = useState<unknown>(null);
  const [isDone, setDone] = useState(false);
  const form = useForm({ defaultValues: { current_password: "", new_password: "" } });
  const change = form.handleSubmit(async (values) => {
    setFailed(null);
    setDone(false);
    const body = { new_password: values.new_password, current_password: hasOne ? values.current_password : null };
    try {
      await answer(api.POST("/api/v1/users/me/password", { body }));
    } catch (error) {
      if (!showAtFields(error, values, form.setError, sentence)) setFailed(error);
      return;
    }
    form.reset();
    setDone(true);
    await client.invalidateQueries({ queryKey: factorsQuery.queryKey });
    await client.invalidateQueries({ queryKey: ["sessions"] });
  });
  const required = t("hall:form.required");
  return (
    <Card title={hasOne ? t("password.title") : t("password.firstTitle")}>
      <form className={css.form} onSubmit={(event) => void change(event)} noValidate>
        <p>{hasOne ? t("password.words") : t("password.firstWords")}</p>
        {/* So that a password manager knows whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
        <div className={css.pair}>
          {hasOne && (
            <Field control={form.control} name="current_password" label={t("password.current")} type="password" autoComplete="current-password" rules={{ required }} />
          )}
          <Field
            control={form.control}
            name="new_password"
            label={t("hall:account.newPassword")}
            why={t("hall:account.passwordWhy")}
            type="password"
            autoComplete="new-password"
            rules={{ required, minLength: { value: 8, message: t("hall:form.tooShort", { count: 8 }) } }}
          />
        </div>
        <ProblemNotice error={failed} />
        {isDone && <Notice tone="good">{t("password.done")}</Notice>}
        <div className={css.row}>
          <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
            {hasOne ? t("password.change") : t("password.set")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
