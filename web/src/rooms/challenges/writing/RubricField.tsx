import { useFieldArray, useFormContext } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Field } from "../../../parts/Field";
import formCss from "../../../parts/form.module.css";
import text from "../../../parts/text.module.css";
import { useRules } from "./rules";
import type { Written } from "./written";
import css from "./Writing.module.css";

const FULL_SCORE = 100;

/** What a reviewer looks at, and what each is worth. */
export function RubricField() {
  const { t } = useWords("challenges");
  const rules = useRules();
  const { control, formState } = useFormContext<Written>();
  const { fields, append, remove } = useFieldArray({
    control,
    name: "rubric",
    rules: { validate: (_, written) => rules.rubric(written) },
  });
  const fault = formState.errors.rubric?.root?.message;
  return (
    <>
      <p className={text.soft}>{t("write.rubricWhy")}</p>
      {fields.map((field, index) => (
        <div key={field.id} className={css.criterion}>
          <Field control={control} name={`rubric.${index}.criterion`} label={t("write.criterion", { number: index + 1 })} rules={rules.filled} />
          <Field
            control={control}
            name={`rubric.${index}.points`}
            label={t("review.points")}
            inputMode="numeric"
            rules={rules.whole(1, FULL_SCORE)}
          />
          <Button aria-label={t("write.removeCriterion", { number: index + 1 })} onPress={() => remove(index)}>
            {t("write.remove")}
          </Button>
        </div>
      ))}
      {fault && (
        <p className={css.fault} role="alert">
          {fault}
        </p>
      )}
      <div className={formCss.row}>
        <Button onPress={() => append({ criterion: "", points: "" })}>{t("write.addCriterion")}</Button>
      </div>
    </>
  );
}
