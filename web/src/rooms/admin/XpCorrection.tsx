import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import form from "../../parts/form.module.css";
import { Notice, useSentence } from "../../parts/Notice";
import type { UserDetails } from "./queries";
import { useUserChange } from "./useUserChange";

interface Correction {
  readonly xp: number;
  readonly reason: string;
}

const MOST = 1_000_000;

/** Sets a member's XP right by an amount, with the reason that they will read in their ledger. */
export function XpCorrection({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const sentence = useSentence();
  const afterwards = useUserChange(user.id);
  const { control, handleSubmit, reset, setError } = useForm({ defaultValues: { xp: "", reason: "" } });
  const [asked, setAsked] = useState<Correction | null>(null);
  // Emptied at once: what is typed while the lists are asked anew is the next correction.
  const done = (): void => {
    setAsked(null);
    reset();
  };
  const correct = useMutation({
    mutationFn: (body: Correction) =>
      afterwards(answer(api.POST("/api/v1/admin/xp", { body: { user_id: user.id, ...body } })).then(done)),
  });
  const ask = handleSubmit(({ xp, reason }) => {
    correct.reset();
    setAsked({ xp: Number(xp), reason });
  });
  const give = async (correction: Correction): Promise<void> => {
    try {
      await correct.mutateAsync(correction);
    } catch (error) {
      if (!showAtFields(error, { ...correction }, (name, fault) => setError(name, fault), sentence)) return;
      correct.reset();
      setAsked(null);
    }
  };
  const required = t("hall:form.required");
  const isAmount = (value: unknown): true | string =>
    (/^[-+]?\d+$/.test(String(value)) && Number(value) !== 0 && Math.abs(Number(value)) <= MOST) || t("users.xpRule");
  return (
    <form className={form.form} onSubmit={(event) => void ask(event)} noValidate>
      <h3>{t("users.correct")}</h3>
      <div className={form.pair}>
        <Field control={control} name="xp" label={t("users.correctXp")} why={t("users.correctXpWhy")} rules={{ required, validate: isAmount }} />
        <Field control={control} name="reason" label={t("users.reason")} why={t("users.reasonWhy")} rules={{ required }} />
      </div>
      {correct.isSuccess && (
        <Notice tone="good">{t("users.corrected", { xp: format.number(correct.variables.xp) })}</Notice>
      )}
      <div className={form.row}>
        <Button type="submit">{t("users.correctDo")}</Button>
      </div>
      {asked && (
        <Confirm
          title={t(asked.xp > 0 ? "users.giveTitle" : "users.takeTitle", { name: user.username, xp: format.number(Math.abs(asked.xp)) })}
          action={t("users.correctDo")}
          isPending={correct.isPending}
          error={correct.error}
          onConfirm={() => void give(asked)}
          onClose={() => setAsked(null)}
        >
          <p>{t("users.correctWords")}</p>
          <blockquote>{asked.reason}</blockquote>
        </Confirm>
      )}
    </form>
  );
}
