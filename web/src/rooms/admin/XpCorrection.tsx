import { useMutation } from "@tanstack/react-query";
import { useForm } from "react-hook-form";

import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import type { UserDetails } from "./queries";
import { useUserChange } from "./useUserChange";

const MOST = 1_000_000;

/** Sets a member's XP right by an amount, with the reason that they will read in their ledger. */
export function XpCorrection({ user }: { user: UserDetails }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const sentence = useSentence();
  const afterwards = useUserChange(user.id);
  const { control, handleSubmit, reset, setError } = useForm({ defaultValues: { xp: "", reason: "" } });
  const correct = useMutation({
    mutationFn: (body: { xp: number; reason: string }) =>
      // Emptied at once: what is typed while the lists are asked anew is the next correction.
      afterwards(answer(api.POST("/api/v1/admin/xp", { body: { user_id: user.id, ...body } })).then(() => reset())),
  });
  const send = handleSubmit(async (values) => {
    try {
      await correct.mutateAsync({ xp: Number(values.xp), reason: values.reason });
    } catch (error) {
      if (showAtFields(error, values, setError, sentence)) correct.reset();
    }
  });
  const required = t("hall:form.required");
  const isAmount = (value: unknown): true | string =>
    (/^[-+]?\d+$/.test(String(value)) && Number(value) !== 0 && Math.abs(Number(value)) <= MOST) || t("users.xpRule");
  return (
    <form className={form.form} onSubmit={(event) => void send(event)} noValidate>
      <h3>{t("users.correct")}</h3>
      <div className={form.pair}>
        <Field control={control} name="xp" label={t("users.correctXp")} why={t("users.correctXpWhy")} rules={{ required, validate: isAmount }} />
        <Field control={control} name="reason" label={t("users.reason")} why={t("users.reasonWhy")} rules={{ required }} />
      </div>
      <ProblemNotice error={correct.error} />
      {correct.isSuccess && (
        <Notice tone="good">{t("users.corrected", { xp: format.number(correct.variables.xp) })}</Notice>
      )}
      <div className={form.row}>
        <Button type="submit" isPending={correct.isPending}>
          {t("users.correctDo")}
        </Button>
      </div>
    </form>
  );
}
