import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../api/client";
import { asProblem } from "../api/problem";
import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import form from "../parts/form.module.css";
import { ProblemNotice } from "../parts/Notice";
import { Window } from "../parts/Window";
import { settle, type Question } from "./door";
import { enter, forget, type Me } from "./me";
import { Providers } from "./Providers";
import { SignInForm } from "./SignInForm";

/** Asks, over whatever page one is on, for what requests under way wait for. */
export default function DoorDialog({ what, me }: { what: Question; me: Me }) {
  const { t } = useWords();
  const client = useQueryClient();
  const isOut = what !== "confirm";
  const leave = (): void => {
    settle(false);
    if (isOut) forget(client);
  };
  const goOn = async (): Promise<void> => {
    const now = await enter(client);
    if (now) settle(true);
  };
  return (
    <Window
      title={t(`door.${what}Title`)}
      isKept={isOut}
      onClose={leave}
    >
      <p>{t(`door.${what}Words`)}</p>
      {isOut ? (
        <>
          <SignInForm login={me.username} onSignedIn={goOn} />
          <Providers inNewTab />
        </>
      ) : (
        <ConfirmForm />
      )}
      <Button look="quiet" onPress={leave}>
        {isOut ? t("door.leave") : t("do.cancel")}
      </Button>
    </Window>
  );
}

function ConfirmForm() {
  const { t } = useWords();
  const [failed, setFailed] = useState<unknown>(null);
  const [wantsCode, setWantsCode] = useState(false);
  const { control, handleSubmit, formState } = useForm({ defaultValues: { password: "", code: "" } });
  const confirm = handleSubmit(async ({ password, code }) => {
    setFailed(null);
    try {
      await answer(api.POST("/api/v1/auth/reauthenticate", { body: { password, code: wantsCode ? code : null } }));
      settle(true);
    } catch (error) {
      if (!wantsCode && asProblem(error).code.startsWith("second_factor")) setWantsCode(true);
      else setFailed(error);
    }
  });
  const required = { required: t("form.required") };
  return (
    <form className={form.form} onSubmit={(event) => void confirm(event)} noValidate>
      <Field control={control} name="password" label={t("account.password")} type="password" autoComplete="current-password" autoFocus rules={required} />
      {wantsCode && (
        <Field control={control} name="code" label={t("signIn.code")} inputMode="numeric" autoComplete="one-time-code" autoFocus rules={required} />
      )}
      <ProblemNotice error={failed} />
      <Button look="main" type="submit" isPending={formState.isSubmitting}>
        {t("door.confirm")}
      </Button>
    </form>
  );
}
