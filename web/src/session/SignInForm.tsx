import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import css from "../parts/form.module.css";
import { ProblemNotice } from "../parts/Notice";
import { CodeForm } from "./CodeForm";
import { deviceName } from "./device";

interface SignInFormProps {
  /** The only account that may be signed in to; else the form asks. */
  login?: string;
  onSignedIn: () => Promise<unknown> | void;
}

/** Asks for name and password, and then, of those who have one, for the second factor. */
export function SignInForm({ login, onSignedIn }: SignInFormProps) {
  const { t } = useWords();
  const [half, setHalf] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const form = useForm({ defaultValues: { login: login ?? "", password: "" } });

  if (half !== null) {
    return (
      <CodeForm
        onCode={async (proof) => {
          await answer(api.POST("/api/v1/auth/second-factor", { body: { ...proof, second_factor_token: half } }));
          await onSignedIn();
        }}
        onStartOver={() => setHalf(null)}
      />
    );
  }

  const signIn = form.handleSubmit(async (values) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/login", { body: { ...values, device: deviceName(), transport: "cookie" } }));
      await onSignedIn();
    } catch (error) {
      const token = asProblem(error).body.second_factor_token;
      if (token) setHalf(token);
      else setFailed(error);
    }
  });

  const required = { required: t("form.required") };
  return (
    <form className={css.form} onSubmit={(event) => void signIn(event)} noValidate>
      <Field
        control={form.control}
        name="login"
        label={t("account.login")}
        autoComplete="username"
        isReadOnly={login !== undefined}
        rules={required}
      />
      <Field
        control={form.control}
        name="password"
        label={t("account.password")}
        type="password"
        autoComplete="current-password"
        autoFocus={login !== undefined}
        rules={required}
      />
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
        {form.formState.isSubmitting ? t("signIn.waiting") : t("signIn.action")}
      </Button>
    </form>
  );
}
