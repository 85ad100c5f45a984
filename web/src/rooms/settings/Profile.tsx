import { useForm } from "react-hook-form";

import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import type { Me } from "../../session/me";
import { useAccountChange } from "./saving";

export function Profile({ me }: { me: Me }) {
  const { t } = useWords();
  const sentence = useSentence();
  const change = useAccountChange();
  const form = useForm({
    values: { username: me.username, email: me.email },
    // What is being typed is not taken back when the page learns of something new.
    resetOptions: { keepDirtyValues: true },
  });
  const { dirtyFields } = form.formState;
  const save = form.handleSubmit(async (values) => {
    try {
      const { username, email } = await change.mutateAsync({
        ...(dirtyFields.username && { username: values.username }),
        ...(dirtyFields.email && { email: values.email }),
      });
      form.reset({ username, email }, { keepDirtyValues: false });
    } catch (error) {
      if (showAtFields(error, values, form.setError, sentence)) change.reset();
    }
  });
  const rules = { required: t("form.required") };
  return (
    <Card title={t("settings.profile")}>
      <form className={css.form} onSubmit={(event) => void save(event)} noValidate>
        <div className={css.pair}>
          <Field control={form.control} name="username" label={t("account.username")} why={t("account.usernameWhy")} autoComplete="username" rules={rules} />
          <Field control={form.control} name="email" label={t("account.email")} why={t("account.emailWhy")} type="email" autoComplete="email" rules={rules} />
        </div>
        <ProblemNotice error={change.error} />
        {change.isSuccess && !form.formState.isDirty && <Notice tone="good">{t("do.saved")}</Notice>}
        <div className={css.row}>
          <Button look="main" type="submit" isDisabled={!form.formState.isDirty} isPending={change.isPending}>
            {change.isPending ? t("do.saving") : t("do.save")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
