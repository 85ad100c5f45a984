import { useEffect, useState } from "react";
import { useForm } from "react-hook-form";
import { useLocation, useNavigate } from "react-router";

import { asProblem } from "../../../api/problem";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { forgetDraft, keepDraft, keptDraft } from "../../../parts/draft";
import { Field } from "../../../parts/Field";
import { showAtFields } from "../../../parts/form";
import form from "../../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../../parts/Notice";
import { StartOver } from "../../../parts/StartOver";
import { useMe } from "../../../session/MembersOnly";
import { Award } from "./Award";
import css from "./Badges.module.css";
import { ConditionEditor } from "./ConditionEditor";
import { conditionIn, draftOf, renumbered } from "./draft";
import { useSave, type Badge } from "./queries";
import { isSame, type Fault } from "./tree";
import { Trial } from "./Trial";

/** What the page of a badge is told that was made a moment ago. */
const MADE = "made";

const NEW = { slug: "", name: "", description: "", active: false };

const fieldsOf = ({ slug, name, description, active }: typeof NEW): typeof NEW => ({ slug, name, description, active });

export function BadgeForm({ badge }: { badge?: Badge }) {
  const { t } = useWords("admin");
  const sentence = useSentence();
  const navigate = useNavigate();
  const isMade: boolean = useLocation().state === MADE;
  const save = useSave(badge);
  const keptAs = `badge.${useMe().id}.${badge?.id ?? "new"}`;
  const saved = fieldsOf(badge ?? NEW);
  const [kept] = useState(() => keptDraft(keptAs, { ...saved, condition: draftOf(badge?.condition) }));
  const [draft, setDraft] = useState(() => renumbered(kept.condition));
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const { control, register, handleSubmit, setError, reset, watch } = useForm({ defaultValues: fieldsOf(kept) });
  const written = fieldsOf(watch());
  const { condition } = conditionIn(draft);
  const isChanged = !badge || !isSame(condition, badge.condition);
  const isDirty = isChanged || JSON.stringify(written) !== JSON.stringify(saved);
  useEffect(() => {
    if (isDirty) keepDraft(keptAs, { ...written, condition: draft });
    else forgetDraft(keptAs);
  }, [keptAs, isDirty, JSON.stringify(written), draft]);

  const start = (from?: Badge): void => {
    reset(fieldsOf(from ?? NEW));
    setDraft(draftOf(from?.condition));
    setFaults([]);
  };
  /** Shows what is wrong with the condition at its place. */
  const refused = (error: unknown): void => {
    const { code, body } = asProblem(error);
    setFaults(code === "condition_invalid" ? (body.faults ?? []) : []);
  };
  const submit = handleSubmit(async (values) => {
    setFaults([]);
    try {
      const made = await save.mutateAsync({ ...values, condition: isChanged ? condition : undefined });
      if (badge) return start(made);
      forgetDraft(keptAs);
      await navigate(`/admin/badges/${made.id}`, { replace: true, state: MADE });
    } catch (error) {
      if (showAtFields(error, values, setError, sentence)) save.reset();
      else refused(error);
    }
  });
  const rules = { required: t("hall:form.required") };
  return (
    <>
      <form className={form.form} onSubmit={(event) => void submit(event)} noValidate>
        <Card title={t("badges.what")} aside={badge && t("badges.versionOnly", { version: badge.version })}>
          <div className={form.pair}>
            <Field control={control} name="name" label={t("badges.name")} rules={rules} />
            <Field control={control} name="slug" label={t("badges.slug")} why={t(badge ? "badges.slugFixed" : "badges.slugWhy")} isReadOnly={badge !== undefined} rules={rules} />
          </div>
          <Field control={control} name="description" label={t("badges.description")} why={t("badges.descriptionWhy")} lines={3} rules={rules} />
          <label className={css.switch}>
            <input type="checkbox" {...register("active")} />
            {t("badges.activeLabel")}
          </label>
        </Card>
        <Card title={t("badges.condition")}>
          <ConditionEditor
            draft={draft}
            faults={faults}
            onChange={(changed) => {
              setDraft(changed);
              setFaults([]);
            }}
          />
          <ProblemNotice error={save.error} />
          {(save.isSuccess || isMade) && !isDirty && <Notice tone="good">{t("hall:do.saved")}</Notice>}
          <div className={form.row}>
            <Button look="main" type="submit" isDisabled={!isDirty || condition === undefined} isPending={save.isPending}>
              {save.isPending ? t("hall:do.saving") : t("hall:do.save")}
            </Button>
            {isDirty && <StartOver onSure={() => start(badge)} />}
          </div>
        </Card>
      </form>
      <Trial condition={condition} onRefused={refused} />
      {badge && <Award badge={badge} isChanged={isChanged} />}
    </>
  );
}
