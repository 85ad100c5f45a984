import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api, type Schemas } from "../api/client";
import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { showAtFields } from "../parts/form";
import css from "../parts/form.module.css";
import { ProblemNotice, useSentence } from "../parts/Notice";
import { deviceName } from "./device";

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const USERNAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*[\p{L}\p{N}_]$/u;

interface AccountFormProps {
  action: string;
  waiting: string;
  /** Opens the account, and goes on from there; what it throws is said here. */
  onSent: (account: Schemas["Register"]) => Promise<void>;
}

/** Asks for what a new account needs. */
export function AccountForm({ action, waiting, onSent }: AccountFormProps) {
  const { t } = useWords();
  const sentence = useSentence();
  const [failed, setFailed] = useState<unknown>(null);
  const form = useForm({ defaultValues: { username: "", email: "", password: "" } });
  const send = form.handleSubmit(async (values) => {
    setFailed(null);
    try {
      await onSent(values);
    } catch (error) {
      if (!showAtFields(error, values, form.setError, sentence)) setFailed(error);
    }
  });
  const required = t("form.required");
  return (
    <form className={css.form} onSubmit={(event) => void send(event)} noValidate>
      <Field
        control={form.control}
        name="username"
        label={t("account.username")}
        why={t("account.usernameWhy")}
        autoComplete="username"
        rules={{
          required,
          minLength: { value: 2, message: t("form.tooShort", { count: 2 }) },
          pattern: { value: USERNAME, message: t("form.username") },
        }}
      />
      <Field
        control={form.control}
        name="email"
        label={t("account.email")}
        why={t("account.emailWhy")}
        type="email"
        autoComplete="email"
        rules={{ required, pattern: { value: ADDRESS, message: t("form.email") } }}
      />
      <Field
        control={form.control}
        name="password"
        label={t("account.password")}
        why={t("account.passwordWhy")}
        type="password"
        autoComplete="new-password"
        rules={{ required, minLength: { value: 8, message: t("form.tooShort", { count: 8 }) } }}
      />
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
        {form.formState.isSubmitting ? waiting : action}
      </Button>
    </form>
  );
}

/** Signs in to an account that was opened just now, whose days begin where this browser is. */
export async function beginAsMember({ email, password }: Schemas["Register"]): Promise<void> {
  const body = { login: email, password, device: deviceName(), transport: "cookie" } as const;
  await answer(api.POST("/api/v1/auth/login", { body }));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // If the hall will not hear of it, settings show so.
  await api.PATCH("/api/v1/users/me", { body: { time_zone: zone } }).catch(() => undefined);
}
