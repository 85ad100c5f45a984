import type { UseFormReturn } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Choices } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import { ProseLine } from "../../../parts/Prose";
import css from "./QuestionField.module.css";
import { isAnswered, keyOf, numberOf, type Answers, type Question } from "./quiz";

const MOST = 2000;

interface QuestionFieldProps {
  form: UseFormReturn<Answers>;
  question: Question;
  number: number;
  of: number;
}

/** A question of a quiz, with the field for its answer. */
export function QuestionField({ form, question, number, of }: QuestionFieldProps) {
  const { t } = useWords("challenges");
  const name = keyOf(question.id);
  const label = (
    <span className={css.prompt}>
      <span className={css.number}>{t("quiz.number", { number, of })}</span>
      <ProseLine>{question.prompt}</ProseLine>
    </span>
  );
  if (question.kind === "single" || question.kind === "multiple") {
    return (
      <div className={css.question}>
        <Choices
          type={question.kind === "single" ? "radio" : "checkbox"}
          isStacked
          label={
            <>
              {label}
              {question.kind === "multiple" && <span className={css.hint}>{t("quiz.multiple")}</span>}
            </>
          }
          options={(question.options ?? []).map((option) => [option, option])}
          {...form.register(name)}
        />
      </div>
    );
  }
  const isNumber = (value: unknown): true | string =>
    typeof value !== "string" || !isAnswered(value) || Number.isFinite(numberOf(value)) || t("quiz.notANumber");
  return (
    <div className={css.question}>
      <Field
        control={form.control}
        name={name}
        label={label}
        inputMode={question.kind === "numeric" ? "decimal" : "text"}
        autoComplete="off"
        rules={{
          ...(question.kind === "numeric" && { validate: isNumber }),
          maxLength: { value: MOST, message: t("tooLong", { count: MOST }) },
        }}
      />
    </div>
  );
}
