import { useFormContext, useWatch } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Card } from "../../../parts/Card";
import { Choice } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import formCss from "../../../parts/form.module.css";
import { QuestionsField } from "./QuestionsField";
import { RubricField } from "./RubricField";
import { useRules } from "./rules";
import { GRADERS, type Written } from "./written";

const FULL_SCORE = 100;

/** What is asked for, and how it is judged. */
export function GraderFields({ isFixed }: { isFixed: boolean }) {
  const { t } = useWords("challenges");
  const rules = useRules();
  const { control, register } = useFormContext<Written>();
  const type = useWatch({ control, name: "type" });
  const passScore = (
    <Field control={control} name="pass_score" label={t("write.passScore")} inputMode="numeric" rules={rules.whole(1, FULL_SCORE)} />
  );
  return (
    <Card title={t("write.grader")}>
      <Choice
        label={t("write.type")}
        why={isFixed ? t("write.typeFixed") : t(`write.why.${type}`)}
        // `disabled` of the form would take the value away.
        options={(isFixed ? [type] : GRADERS).map((each) => [each, t(`kind.${each}`)])}
        {...register("type")}
      />
      {type === "flag" && (
        <div className={formCss.pair}>
          <Field control={control} name="flag" label={t("write.flag")} why={t("write.flagWhy")} autoComplete="off" rules={rules.filled} />
          <Choice
            label={t("write.exact")}
            options={[
              ["yes", t("write.yes")],
              ["no", t("write.no")],
            ]}
            {...register("exact")}
          />
        </div>
      )}
      {type === "quiz" && (
        <>
          {passScore}
          <QuestionsField />
        </>
      )}
      {type === "review" && (
        <>
          {passScore}
          <RubricField />
        </>
      )}
      {type === "self" && <Field control={control} name="checklist" label={t("write.checklist")} why={t("write.oneALine")} lines={5} />}
    </Card>
  );
}
