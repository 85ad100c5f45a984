import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import { useWords } from "../i18n";
import { Button, ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";
import { Field } from "../parts/Field";
import { showAtFields } from "../parts/form";
import css from "../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../parts/Notice";
import { forgetToken, tokenOfLink } from "./link";

/** Without a letter's token asks where to send one; with it, for the new password. */
export function Component() {
  const { t } = useWords();
  const [token, setToken] = useState(tokenOfLink);
  const [useless, setUseless] = useState<unknown>(null);
  return (
    <Slip title={t("reset.title")}>
      <title>{`${t("reset.title")} · ${t("hall")}`}</title>
      <ProblemNotice error={useless} />
      {token === "" ? (
        <AskForLink />
      ) : (
        <SetPassword
          token={token}
          onUseless={(problem) => {
            setUseless(problem);
            setToken("");
          }}
        />
      )}
    </Slip>
  );
}

function AskForLink() {
  const { t } = useWords();
  const sentence = useSentence();
  const [failed, setFailed] = useState<unknown>(null);
  const form = useForm({ defaultValues: { email: "" } });
  const ask = form.handleSubmit(async (values) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/password-reset", { body: values }));
    } catch (error) {
      if (showAtFields(error, values, form.setError, sentence)) return;
      setFailed(error);
      // So that the form is not taken for sent.
      form.setError("root", { type: "hall" });
    }
  });
  if (form.formState.isSubmitSuccessful) return <Notice tone="good">{t("reset.asked")}</Notice>;
  return (
    <form className={css.form} onSubmit={(event) => void ask(event)} noValidate>
      <p>{t("reset.askWords")}</p>
      <Field
        control={form.control}
        name="email"
        label={t("account.email")}
        type="email"
        autoComplete="email"
        rules={{ required: t("form.required") }}
      />
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
        {t("reset.ask")}
      </Button>
    </form>
  );
}

function SetPassword({ token, onUseless }: { token: string; onUseless: (problem: Problem) => void }) {
  const { t } = useWords();
  const sentence = useSentence();
  const [failed, setFailed] = useState<unknown>(null);
  const form = useForm({ defaultValues: { password: "" } });
  const set = form.handleSubmit(async (values) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/password-reset/confirm", { body: { token, ...values } }));
      forgetToken();
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === "reset_token_invalid") {
        forgetToken();
        onUseless(problem);
      }
      if (showAtFields(error, values, form.setError, sentence)) return;
      setFailed(error);
      form.setError("root", { type: "hall" });
    }
  });
  if (form.formState.isSubmitSuccessful) {
    return (
      <>
        <Notice tone="good">{t("reset.done")}</Notice>
        <ButtonLink look="main" to="/sign-in">
          {t("nav.signIn")}
        </ButtonLink>
      </>
    );
  }
  return (
    <form className={css.form} onSubmit={(event) => void set(event)} noValidate>
      <Field
        control={form.control}
        name="password"
        label={t("account.newPassword")}
        why={t("account.passwordWhy")}
        type="password"
        autoComplete="new-password"
        rules={{
          required: t("form.required"),
          minLength: { value: 8, message: t("form.tooShort", { count: 8 }) },
        }}
      />
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={form.formState.isSubmitting}>
        {t("reset.action")}
      </Button>
    </form>
  );
}
