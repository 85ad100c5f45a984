import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { UseFormReturn } from "react-hook-form";

import { answer, api, type Schemas } from "../../api/client";
import { asProblem } from "../../api/problem";
import { domainsQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { forgetDraft } from "../../parts/draft";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { ProblemNotice, useSentence } from "../../parts/Notice";
import { GoalFields, minutesOf, type GoalWords } from "./GoalFields";
import { templatesQuery } from "./queries";

interface GoalFormProps {
  form: UseFormReturn<GoalWords>;
  draft: string;
  onGoal: (goalId: string) => void;
}

/** Sets a goal by its fields. */
export function GoalForm({ form, draft, onGoal }: GoalFormProps) {
  const { t } = useWords("goals");
  const sentence = useSentence();
  const { data: domains } = useQuery(domainsQuery);
  const { data: templates } = useQuery(templatesQuery);
  // The same request under the same key is one goal, however often the network has it sent.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const create = useMutation({
    mutationFn: (body: Schemas["GoalIn"]) =>
      answer(api.POST("/api/v1/goals", { body, headers: { "Idempotency-Key": key } })),
    onError: (error) => {
      if (!asProblem(error).isPassing) setKey(crypto.randomUUID());
    },
  });
  const save = form.handleSubmit(async (words) => {
    try {
      const goal = await create.mutateAsync({
        title: words.title,
        description: words.description,
        deadline: words.deadline,
        minutes_per_day: minutesOf(words.minutes_per_day),
        domain: words.domain || null,
        template: words.template || null,
      });
      forgetDraft(draft);
      onGoal(goal.id);
    } catch (error) {
      if (showAtFields(error, words, form.setError, sentence)) create.reset();
    }
  });
  return (
    <Card title={t("form.title")}>
      <form className={css.form} onSubmit={(event) => void save(event)} noValidate>
        <GoalFields form={form} />
        <div className={css.pair}>
          <Choice
            label={t("form.domain")}
            options={[["", t("form.anyDomain")], ...(domains?.items ?? []).map(({ id, name }) => [id, name] as const)]}
            fault={form.formState.errors.domain?.message}
            {...form.register("domain")}
            value={form.watch("domain")}
          />
          <Choice
            label={t("form.template")}
            options={[["", t("form.noTemplate")], ...(templates?.items ?? []).map(({ slug, title }) => [slug, title] as const)]}
            fault={form.formState.errors.template?.message}
            {...form.register("template")}
            value={form.watch("template")}
          />
        </div>
        <ProblemNotice error={create.error} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={create.isPending}>
            {t("form.set")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
