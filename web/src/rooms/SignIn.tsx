import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Trans } from "react-i18next";
import { Link, Navigate, useLocation } from "react-router";

import { Problem } from "../api/problem";
import { useWords } from "../i18n";
import { ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";
import { ProblemNotice } from "../parts/Notice";
import { enter, meQuery } from "../session/me";
import { OtherWays } from "../session/OtherWays";
import { SignInForm } from "../session/SignInForm";
import { takeFromLink } from "./link";

export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  const to = whereTo(useLocation().state);
  const [refused] = useState(refusal);
  if (me && !refused) return <Navigate to={to} replace />;
  if (me) {
    return (
      <Slip title={t("problem.title")}>
        <title>{`${t("problem.title")} · ${t("hall")}`}</title>
        <ProblemNotice error={refused} />
        <ButtonLink look="main" to="/settings/security">
          {t("nav.settings")}
        </ButtonLink>
      </Slip>
    );
  }
  return (
    <Slip title={t("signIn.title")}>
      <title>{`${t("signIn.title")} · ${t("hall")}`}</title>
      <ProblemNotice error={refused} />
      <SignInForm onSignedIn={() => enter(client)} />
      <OtherWays returnTo={to} onSignedIn={() => enter(client)} />
      <p>
        <Link to="/reset-password">{t("account.forgot")}</Link>
      </p>
      <p>
        <Trans i18nKey="account.newHere" components={{ join: <Link to="/sign-up" /> }} />
      </p>
    </Slip>
  );
}

/** What a provider's sign-in came to, if the hall has led here to say so. */
function refusal(): Problem | null {
  const error = takeFromLink("problem");
  return error === "" ? null : new Problem({ status: -1, error, detail: error });
}

function whereTo(state: unknown): string {
  const to = typeof state === "object" && state !== null && "to" in state ? state.to : null;
  return typeof to === "string" && to.startsWith("/") && !to.startsWith("//") ? to : "/dashboard";
}
