import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { Link } from "react-router";

import { answer, api } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button, ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";
import { Field } from "../parts/Field";
import css from "../parts/form.module.css";
import { Notice } from "../parts/Notice";
import { AccountForm, beginAsMember } from "../session/AccountForm";
import { enter, meQuery } from "../session/me";
import { tokenOfLink } from "./link";

/** Opens the first admin's account, with the link that the hall's first start has printed. */
export function Component() {
  const { t } = useWords("account");
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  const [token, setToken] = useState(tokenOfLink);
  const [isClosed, setClosed] = useState(false);
  const title = me ? t("setup.doneTitle") : t("setup.title");
  return (
    <Slip title={title}>
      <title>{`${title} · ${t("hall:hall")}`}</title>
      {me ? (
        <Done isAdmin={me.role === "admin"} />
      ) : isClosed ? (
        <Closed />
      ) : token === "" ? (
        <AskForToken onToken={setToken} />
      ) : (
        <>
          <p>{t("setup.words")}</p>
          <AccountForm
            action={t("setup.action")}
            waiting={t("hall:signUp.waiting")}
            onSent={async (account) => {
              try {
                await answer(api.POST("/api/v1/auth/setup", { body: { ...account, token } }));
              } catch (error) {
                if (asProblem(error).code !== "setup_closed") throw error;
                setClosed(true);
                return;
              }
              await beginAsMember(account);
              await enter(client);
            }}
          />
        </>
      )}
    </Slip>
  );
}

function AskForToken({ onToken }: { onToken: (token: string) => void }) {
  const { t } = useWords("account");
  const { control, handleSubmit } = useForm({ defaultValues: { token: "" } });
  return (
    <form className={css.form} onSubmit={(event) => void handleSubmit(({ token }) => onToken(tokenIn(token)))(event)} noValidate>
      <p>{t("setup.tokenWords")}</p>
      <Field
        control={control}
        name="token"
        label={t("setup.token")}
        autoComplete="off"
        rules={{ required: t("hall:form.required") }}
      />
      <Button look="main" type="submit">
        {t("setup.goOn")}
      </Button>
    </form>
  );
}

/** Gives the token, of which one may have pasted the whole link. */
function tokenIn(pasted: string): string {
  return pasted.trim().split("#token=").at(-1) ?? "";
}

function Closed() {
  const { t } = useWords("account");
  return (
    <>
      <Notice tone="bad">{t("setup.closed")}</Notice>
      <ButtonLink look="main" to="/sign-in">
        {t("hall:nav.signIn")}
      </ButtonLink>
    </>
  );
}

function Done({ isAdmin }: { isAdmin: boolean }) {
  const { t } = useWords("account");
  return (
    <>
      <p>{isAdmin ? t("setup.done") : t("setup.notFor")}</p>
      {isAdmin && <p>{t("setup.next")}</p>}
      <ButtonLink look="main" to={isAdmin ? "/settings/security" : "/dashboard"}>
        {isAdmin ? t("setup.secure") : t("hall:nav.dashboard")}
      </ButtonLink>
      {isAdmin && (
        <p>
          <Link to="/dashboard">{t("setup.later")}</Link>
        </p>
      )}
    </>
  );
}
