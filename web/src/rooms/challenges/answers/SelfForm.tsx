import { useWords } from "../../../i18n";
import { Choices } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import type { Attempt, GraderOf } from "../queries";
import { useAnswering } from "./answering";
import { HandIn } from "./HandIn";

const MOST = 2000;

interface Report {
  done: string[];
  note: string;
}

export function SelfForm({ grader, attempt }: { grader: GraderOf<"self">; attempt: Attempt }) {
  const { t } = useWords("challenges");
  const checklist = grader.checklist ?? [];
  const answering = useAnswering<Report>(attempt, { done: [], note: "" }, ({ note }) => (note.trim() === "" ? {} : { note }));
  const { control, register, formState } = answering.form;
  return (
    <HandIn attempt={attempt} answering={answering} action={t("self.action")}>
      {checklist.length > 0 && (
        <Choices
          type="checkbox"
          isStacked
          label={t("self.checklist")}
          fault={formState.errors.done?.message}
          options={checklist.map((line, index) => [String(index), line])}
          {...register("done", {
            validate: (done) => done.length === checklist.length || t("self.notAll"),
          })}
        />
      )}
      <Field
        control={control}
        name="note"
        label={t("self.note")}
        why={t("self.noteWhy")}
        lines={3}
        rules={{ maxLength: { value: MOST, message: t("tooLong", { count: MOST }) } }}
      />
    </HandIn>
  );
}
