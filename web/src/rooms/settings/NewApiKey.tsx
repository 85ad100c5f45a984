import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import { Choice, Choices } from "../../parts/Choice";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { ProblemNotice, useSentence } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { scopesQuery } from "./queries";
import { byKind, useScopeWords } from "./scopes";

const DAY_MS = 86_400_000;
const LIFETIMES = ["7", "30", "90", "365", "0"] as const;

interface NewApiKeyProps {
  onMade: (made: Schemas["ApiKeyMade"]) => Promise<void>;
  onClose: () => void;
}

/** Asks what a new key is for, what it may do, and how long. */
export function NewApiKey({ onMade, onClose }: NewApiKeyProps) {
  const { t } = useWords("account");
  const sentence = useSentence();
  const inWords = useScopeWords();
  const offered = useQuery(scopesQuery);
  const [failed, setFailed] = useState<unknown>(null);
  const { control, register, handleSubmit, setError, formState } = useForm({
    defaultValues: { name: "", scopes: [] as string[], days: "90" },
  });
  const make = handleSubmit(async ({ name, scopes, days }) => {
    setFailed(null);
    const expires_at = days === "0" ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString();
    try {
      await onMade(await answer(api.POST("/api/v1/users/me/api-keys", { body: { name, scopes, expires_at } })));
    } catch (error) {
      if (!showAtFields(error, { name, scopes, days }, setError, sentence)) setFailed(error);
    }
  });
  return (
    <Window title={t("keys.make")} wide onClose={onClose}>
      <form className={css.form} onSubmit={(event) => void make(event)} noValidate>
        <div className={css.pair}>
          <Field
            control={control}
            name="name"
            label={t("keys.name")}
            why={t("keys.nameWhy")}
            autoComplete="off"
            autoFocus
            rules={{ required: t("hall:form.required"), maxLength: { value: 80, message: t("keys.tooLong", { count: 80 }) } }}
          />
          <Choice
            label={t("keys.lifetime")}
            why={t("keys.lifetimeWhy")}
            options={LIFETIMES.map((days) => [days, days === "0" ? t("keys.endless") : t("keys.days", { count: Number(days) })])}
            {...register("days")}
          />
        </div>
        {offered.isPending && <Skeleton lines={4} />}
        <ProblemNotice error={offered.error} again={() => void offered.refetch()} />
        {byKind(offered.data?.scopes ?? []).map(
          ([kind, scopes]) =>
            scopes.length > 0 && (
              <Choices
                key={kind}
                type="checkbox"
                label={t(`keys.itMay.${kind}`)}
                options={scopes.map((scope) => [scope, inWords(scope)])}
                {...register("scopes", { validate: (chosen) => chosen.length > 0 || t("keys.noScope") })}
              />
            ),
        )}
        {formState.errors.scopes && <p role="alert">{formState.errors.scopes.message}</p>}
        <ProblemNotice error={failed} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={formState.isSubmitting}>
            {t("keys.make")}
          </Button>
          <Button look="quiet" onPress={onClose}>
            {t("hall:do.cancel")}
          </Button>
        </div>
      </form>
    </Window>
  );
}
