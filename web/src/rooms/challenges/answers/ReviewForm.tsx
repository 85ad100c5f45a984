import { useWords } from "../../../i18n";
import { Field } from "../../../parts/Field";
import type { Attempt, GraderOf } from "../queries";
import { useAnswering } from "./answering";
import { HandIn } from "./HandIn";
import { Rubric } from "../Rubric";

const MOST = 50_000;

export function ReviewForm({ grader, attempt }: { grader: GraderOf<"review">; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const answering = useAnswering(attempt, { text: "" }, ({ text }) => ({ text }));
  return (
    <HandIn attempt={attempt} answering={answering} action={t("review.action")}>
      <Rubric rubric={grader.rubric ?? []} />
      <Field
        control={answering.form.control}
        name="text"
        label={t("review.label")}
        why={t("review.why")}
        lines={12}
        rules={{
          validate: (value) => value.trim() !== "" || t("hall:form.required"),
          maxLength: { value: MOST, message: t("tooLong", { count: MOST }) },
        }}
      />
    </HandIn>
  );
}
