import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { Trans } from "react-i18next";
import { Link, Navigate } from "react-router";

import { answer, api } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button, ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";
import { Field } from "../parts/Field";
import { showAtFields } from "../parts/form";
import css from "../parts/form.module.css";
import { ProblemNotice, useSentence } from "../parts/Notice";
import { deviceName } from "../session/device";
import { enter, meQuery } from "../session/me";
import { Providers } from "../session/Providers";

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const USERNAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*[\p{L}\p{N}_]$/u;

export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const sentence = useSentence();
  const { data: me } = useQuery(meQuery);
  const [failed, setFailed] = useState<unknown>(null);
  const [writtenTo, setWrittenTo] = useState<string | null>(null);
  const form = useForm({ defaultValues: { username: "", email: "", password: "" } });

  if (me) return <Navigate to="/dashboard" replace />;
  if (writtenTo !== null) {
    return (
      <Slip title={t("signUp.mail")}>
        <title>{`${t("signUp.mail")} · ${t("hall")}`}</title>
        <p>{t("signUp.mailWords", { email: writtenTo })}</p>
        <ButtonLink look="main" to="/sign-in">
          {t("nav.signIn")}
        </ButtonLink>
      </Slip>
    );
  }

  const join = form.handleSubmit(async (values) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/register", { body: values }));
    } catch (error) {
      if (!showAtFields(error, values, form.setError, sentence)) setFailed(error);
      return;
    }
    try {
      const login = { login: values.email, password: values.password, device: deviceName(), transport: "cookie" } as const;
      await answer(api.POST("/api/v1/auth/login", { body: login }));
    } catch (error) {
      // The hall tells nobody whether an address has an account: a letter does.
      if (asProblem(error).status === 401) setWrittenTo(values.email);
      else setFailed(error);
      return;
    }
    await liveInThisZone();
    await enter(client);
  });

  const required = t("form.required");
  return (
    <Slip title={t("signUp.title")}>
      <title>{`${t("signUp.title")} · ${t("hall")}`}</title>
      <form className={css.form} onSubmit={(event) => void join(event)} noValidate>
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
          {form.formState.isSubmitting ? t("signUp.waiting") : t("signUp.action")}
        </Button>
      </form>
      <Providers />
      <p>
        <Trans i18nKey="account.knownHere" components={{ enter: <Link to="/sign-in" /> }} />
      </p>
    </Slip>
  );
}

/** Tells the hall where the new member's days begin. If it will not hear of it, settings show so. */
async function liveInThisZone(): Promise<void> {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  await api.PATCH("/api/v1/users/me", { body: { time_zone: zone } }).catch(() => undefined);
}
