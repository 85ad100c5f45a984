import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Trans } from "react-i18next";
import { Link, Navigate, useLocation } from "react-router";

import { useWords } from "../i18n";
import { Slip } from "../parts/Card";
import { enter, meQuery } from "../session/me";
import { OtherWays } from "../session/OtherWays";
import { SignInForm } from "../session/SignInForm";

export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  const to = whereTo(useLocation().state);
  if (me) return <Navigate to={to} replace />;
  return (
    <Slip title={t("signIn.title")}>
      <title>{`${t("signIn.title")} · ${t("hall")}`}</title>
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

function whereTo(state: unknown): string {
  const to = typeof state === "object" && state !== null && "to" in state ? state.to : null;
  return typeof to === "string" && to.startsWith("/") && !to.startsWith("//") ? to : "/dashboard";
}
