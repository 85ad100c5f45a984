import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Trans } from "react-i18next";
import { Link, Navigate } from "react-router";

import { answer, api, type Schemas } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";
import { AccountForm, beginAsMember } from "../session/AccountForm";
import { enter, meQuery } from "../session/me";
import { Providers } from "../session/Providers";

export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  const [writtenTo, setWrittenTo] = useState<string | null>(null);

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

  const join = async (account: Schemas["Register"]): Promise<void> => {
    await answer(api.POST("/api/v1/auth/register", { body: account }));
    try {
      await beginAsMember(account);
    } catch (error) {
      // The hall tells nobody whether an address has an account: a letter does.
      if (asProblem(error).status !== 401) throw error;
      setWrittenTo(account.email);
      return;
    }
    await enter(client);
  };

  return (
    <Slip title={t("signUp.title")}>
      <title>{`${t("signUp.title")} · ${t("hall")}`}</title>
      <AccountForm action={t("signUp.action")} waiting={t("signUp.waiting")} onSent={join} />
      <Providers />
      <p>
        <Trans i18nKey="account.knownHere" components={{ enter: <Link to="/sign-in" /> }} />
      </p>
    </Slip>
  );
}
