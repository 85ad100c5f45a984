import { useFieldArray, useFormContext } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import formCss from "../../../parts/form.module.css";
import { QuestionFields } from "./QuestionFields";
import { NEW_QUESTION, type Written } from "./written";
import css from "./Writing.module.css";

/** The questions of a quiz: added, taken away, put into another order. */
export function QuestionsField() {
  const { t } = useWords("challenges");
  const { control } = useFormContext<Written>();
  const { fields, append, remove, swap } = useFieldArray({ control, name: "questions" });
  return (
    <>
      {fields.map((field, index) => (
        <fieldset key={field.id} className={css.part}>
          <legend>{t("quiz.number", { number: index + 1, of: fields.length })}</legend>
          <QuestionFields index={index} />
          <div className={formCss.row}>
            <Button
              aria-label={t("write.upOf", { number: index + 1 })}
              isDisabled={index === 0}
              onPress={() => swap(index, index - 1)}
            >
              {t("write.up")}
            </Button>
            <Button
              aria-label={t("write.downOf", { number: index + 1 })}
              isDisabled={index === fields.length - 1}
              onPress={() => swap(index, index + 1)}
            >
              {t("write.down")}
            </Button>
            <Button
              aria-label={t("write.removeOf", { number: index + 1 })}
              isDisabled={fields.length === 1}
              onPress={() => remove(index)}
            >
              {t("write.remove")}
            </Button>
          </div>
        </fieldset>
      ))}
      <div className={formCss.row}>
        <Button onPress={() => append(NEW_QUESTION)}>{t("write.addQuestion")}</Button>
      </div>
    </>
  );
}
