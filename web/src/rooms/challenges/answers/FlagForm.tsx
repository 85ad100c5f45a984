import { useWords } from "../../../i18n";
import { Field } from "../../../parts/Field";
import type { Attempt, GraderOf } from "../queries";
import { useAnswering } from "./answering";
import { HandIn } from "./HandIn";

const MOST = 2000;

export function FlagForm({ grader, attempt }: { grader: GraderOf<"flag">; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const answering = useAnswering(attempt, { answer: "" }, ({ answer }) => ({ answer }));
  return (
    <HandIn attempt={attempt} answering={answering} action={t("handIn.action")}>
      <Field
        control={answering.form.control}
        name="answer"
        label={t("flag.label")}
        why={grader.case_sensitive ? t("flag.exact") : t("flag.anyCase")}
        autoComplete="off"
        rules={{
          validate: (value) => value.trim() !== "" || t("hall:form.required"),
          maxLength: { value: MOST, message: t("tooLong", { count: MOST }) },
        }}
      />
    </HandIn>
  );
}
