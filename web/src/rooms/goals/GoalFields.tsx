import type { UseFormReturn } from "react-hook-form";

import { useWords } from "../../i18n";
import { Field } from "../../parts/Field";
import css from "../../parts/form.module.css";
import { useMe } from "../../session/MembersOnly";

/** A goal as it is typed; minutes may be left empty. */
export interface GoalWords {
  title: string;
  description: string;
  deadline: string;
  minutes_per_day: string;
  domain: string;
  template: string;
}

export const NO_WORDS: GoalWords = { title: "", description: "", deadline: "", minutes_per_day: "", domain: "", template: "" };

const MINUTES = { from: 5, to: 960 };

/** What the hall is told of the minutes: nothing, if nothing was typed. */
export const minutesOf = (typed: string): number | null => (typed.trim() === "" ? null : Number(typed));

/** The fields of a goal, for setting one and for changing it. */
export function GoalFields({ form: { control } }: { form: UseFormReturn<GoalWords> }) {
  const { t } = useWords("goals");
  const me = useMe();
  const isMinutes = (value: string) =>
    value.trim() === "" || (/^\d+$/.test(value) && Number(value) >= MINUTES.from && Number(value) <= MINUTES.to) || t("hall:form.wholeNumber", MINUTES);
  const required = t("hall:form.required");
  return (
    <>
      <Field
        control={control}
        name="title"
        label={t("form.goal")}
        why={t("form.goalWhy")}
        lines={2}
        rules={{
          required,
          minLength: { value: 3, message: t("hall:form.tooShort", { count: 3 }) },
          maxLength: { value: 200, message: t("form.tooLong", { count: 200 }) },
        }}
      />
      <Field
        control={control}
        name="description"
        label={t("form.description")}
        why={t("form.descriptionWhy")}
        lines={4}
        rules={{ maxLength: { value: 5000, message: t("form.tooLong", { count: 5000 }) } }}
      />
      <div className={css.pair}>
        <Field control={control} name="deadline" label={t("form.deadline")} type="date" rules={{ required }} />
        <Field
          control={control}
          name="minutes_per_day"
          label={t("form.minutes")}
          why={t("form.minutesWhy", { count: me.daily_capacity_minutes })}
          inputMode="numeric"
          rules={{ validate: isMinutes }}
        />
      </div>
    </>
  );
}
