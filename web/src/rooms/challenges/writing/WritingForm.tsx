import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FormProvider, useForm, type FieldPath } from "react-hook-form";
import { useNavigate } from "react-router";

import { answer, api } from "../../../api/client";
import { asProblem } from "../../../api/problem";
import { challengeQuery, domainsQuery } from "../../../api/queries";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { Choice } from "../../../parts/Choice";
import { forgetDraft, keptDraft, useDraft } from "../../../parts/draft";
import { Field } from "../../../parts/Field";
import formCss from "../../../parts/form.module.css";
import { ProblemNotice } from "../../../parts/Notice";
import { StartOver } from "../../../parts/StartOver";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import { DIFFICULTIES, type Challenge } from "../queries";
import { GraderFields } from "./GraderFields";
import { RequiresField } from "./RequiresField";
import { useRules } from "./rules";
import { bodyOf, type Written } from "./written";

const MOST_XP = 100_000;
const MOST_ATTEMPTS = 1000;
const LONGEST_WAIT_SECONDS = 2_592_000;

interface WritingFormProps {
  /** Under which what is typed is kept. */
  name: string;
  start: Written;
  challenge?: Challenge;
}

export function WritingForm({ name, start, challenge }: WritingFormProps) {
  const { t } = useWords("challenges");
  const rules = useRules();
  const draft = `challenge.${useMe().id}.${name}`;
  const form = useForm<Written>({ defaultValues: keptDraft(draft, start) });
  useDraft(draft, form);
  const { data: domains } = useQuery(domainsQuery);
  const save = useSaving(draft, challenge);
  const send = form.handleSubmit((written) =>
    save.mutate(written, {
      onError: (error) =>
        faultsOf(error).forEach(([field, message], index) =>
          form.setError(field, { type: "hall", message }, { shouldFocus: index === 0 }),
        ),
    }),
  );
  const { control, register } = form;
  return (
    <FormProvider {...form}>
      <form className={formCss.form} onSubmit={(event) => void send(event)} noValidate>
        <Card title={t("write.about")}>
          <Field control={control} name="title" label={t("write.title")} rules={rules.filled} />
          <Field control={control} name="description" label={t("write.description")} why={t("write.markdown")} lines={10} rules={rules.filled} />
          <div className={formCss.pair}>
            <Choice
              label={t("filter.domain")}
              options={[["", t("write.noDomain")], ...(domains?.items.map((each) => [each.id, each.name] as const) ?? [])]}
              {...register("domain")}
            />
            <Choice
              label={t("filter.difficulty")}
              why={t("write.difficultyWhy")}
              options={DIFFICULTIES.map((each) => [each, t(`difficulty.${each}`)])}
              {...register("difficulty")}
            />
            <Field control={control} name="xp" label={t("write.xp")} inputMode="numeric" rules={rules.whole(0, MOST_XP)} />
            <Field control={control} name="tags" label={t("tags")} why={t("write.tagsWhy")} />
          </div>
        </Card>
        <GraderFields isFixed={challenge?.published === true} />
        <Card title={t("write.rules")}>
          <div className={formCss.pair}>
            <Field
              control={control}
              name="max_attempts"
              label={t("write.attempts")}
              why={t("write.attemptsWhy")}
              inputMode="numeric"
              rules={rules.wholeOrNone(1, MOST_ATTEMPTS)}
            />
            <Field
              control={control}
              name="retry_wait_seconds"
              label={t("write.wait")}
              why={t("write.waitWhy")}
              inputMode="numeric"
              rules={rules.wholeOrNone(1, LONGEST_WAIT_SECONDS)}
            />
          </div>
          <RequiresField own={challenge} />
          <Field control={control} name="explanation" label={t("write.explanation")} why={t("write.explanationWhy")} lines={4} />
        </Card>
        <ProblemNotice error={save.error} />
        <div className={formCss.row}>
          <Button look="main" type="submit" isPending={save.isPending}>
            {save.isPending ? t("hall:do.saving") : challenge?.published ? t("hall:do.save") : t("write.saveDraft")}
          </Button>
          <StartOver
            onSure={() => {
              form.reset(start);
              forgetDraft(draft);
            }}
          />
          {!challenge?.published && <span className={text.small}>{t("write.draftWhy")}</span>}
        </div>
      </form>
    </FormProvider>
  );
}

/** Saves, and goes to the challenge as readers see it; from there a draft is published. */
function useSaving(draft: string, challenge: Challenge | undefined) {
  const client = useQueryClient();
  const go = useNavigate();
  return useMutation({
    mutationFn: (written: Written) => {
      const body = bodyOf(written);
      if (!challenge) return answer(api.POST("/api/v1/challenges", { body }));
      return answer(api.PATCH("/api/v1/challenges/{challenge_id}", { params: { path: { challenge_id: challenge.id } }, body }));
    },
    onSuccess: async ({ id }) => {
      forgetDraft(draft);
      client.removeQueries({ queryKey: challengeQuery(id).queryKey });
      await client.invalidateQueries({ queryKey: ["challenges"] });
      await go(`/challenges/${id}`);
    },
  });
}

/** What the hall says of fields, by the form's own names: `body.grader.quiz.questions.0.prompt` is `questions.0.prompt`. */
function faultsOf(error: unknown): [FieldPath<Written>, string][] {
  return (asProblem(error).body.faults ?? []).map(({ path, message }) => {
    const field = path
      .replace(/^body\./, "")
      .replace(/^grader\.(\w+\.)?/, "")
      .replace(/^(tags|requires|checklist|questions\.\d+\.options)\.\d+$/, "$1")
      .replace(/^(questions\.\d+)(\.answer.*)?$/, "$1.prompt");
    return [field as FieldPath<Written>, message]; // The names of the hall are those of the form.
  });
}
