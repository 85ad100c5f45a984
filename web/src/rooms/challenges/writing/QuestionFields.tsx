import { useFormContext, useWatch } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Choice, Choices } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import formCss from "../../../parts/form.module.css";
import { useRules } from "./rules";
import { KINDS, linesOf, type Written } from "./written";

/** One question of a quiz, and what answers it. */
export function QuestionFields({ index }: { index: number }) {
  const { t } = useWords("challenges");
  const rules = useRules();
  const { control, register, formState } = useFormContext<Written>();
  const { kind, options } = useWatch({ control, name: `questions.${index}` });
  const lines = linesOf(options).map((line) => [line, line] as const);
  const faults = formState.errors.questions?.[index];
  return (
    <>
      <Field control={control} name={`questions.${index}.prompt`} label={t("write.prompt")} lines={2} rules={rules.filled} />
      <Choice label={t("write.kind")} options={KINDS.map((each) => [each, t(`write.kinds.${each}`)])} {...register(`questions.${index}.kind`)} />
      {(kind === "single" || kind === "multiple") && (
        <Field control={control} name={`questions.${index}.options`} label={t("write.options")} why={t("write.optionsWhy")} lines={4} rules={rules.options} />
      )}
      {kind === "single" && lines.length > 0 && (
        <Choice
          label={t("write.right")}
          fault={faults?.right?.message}
          options={[["", t("write.choose")], ...lines]}
          {...register(`questions.${index}.right`, rules.chosen)}
        />
      )}
      {kind === "multiple" && lines.length > 0 && (
        <Choices
          type="checkbox"
          isStacked
          label={t("write.rights")}
          fault={faults?.rights?.message}
          options={lines}
          {...register(`questions.${index}.rights`, rules.chosen)}
        />
      )}
      {kind === "numeric" && (
        <div className={formCss.pair}>
          <Field control={control} name={`questions.${index}.number`} label={t("write.right")} inputMode="decimal" rules={rules.number} />
          <Field
            control={control}
            name={`questions.${index}.tolerance`}
            label={t("write.tolerance")}
            why={t("write.toleranceWhy")}
            inputMode="decimal"
            rules={rules.number}
          />
        </div>
      )}
      {kind === "text" && (
        <div className={formCss.pair}>
          <Field control={control} name={`questions.${index}.texts`} label={t("write.texts")} why={t("write.oneALine")} lines={2} rules={rules.filled} />
          <Choice
            label={t("write.exact")}
            options={[
              ["no", t("write.no")],
              ["yes", t("write.yes")],
            ]}
            {...register(`questions.${index}.exact`)}
          />
        </div>
      )}
      <Field control={control} name={`questions.${index}.explanation`} label={t("write.because")} why={t("write.becauseWhy")} lines={2} />
    </>
  );
}
