import { useForm } from "react-hook-form";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { showAtFields } from "../../parts/form";
import css from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { GoalFields, minutesOf, NO_WORDS, type GoalWords } from "./GoalFields";
import { useGoalChange, usePlanRequest, type Goal } from "./queries";

/** Changes a goal; a plan is made for its deadline and minutes, so new days are offered then. */
export function EditWindow({ goal, onClose }: { goal: Goal; onClose: () => void }) {
  const { t } = useWords("goals");
  const sentence = useSentence();
  const ask = usePlanRequest(goal.id);
  const form = useForm<GoalWords>({
    defaultValues: {
      ...NO_WORDS,
      title: goal.title,
      description: goal.description,
      deadline: goal.deadline,
      minutes_per_day: goal.minutes_per_day?.toString() ?? "",
    },
  });
  const change = useGoalChange((body: Schemas["GoalChange"]) =>
    answer(api.PATCH("/api/v1/goals/{goal_id}", { params: { path: { goal_id: goal.id } }, body })),
  );
  const { dirtyFields } = form.formState;
  const save = form.handleSubmit(async (words) => {
    const wantsNewDays = Boolean(dirtyFields.deadline || dirtyFields.minutes_per_day) && goal.plan !== null;
    try {
      await change.mutateAsync({
        ...(dirtyFields.title && { title: words.title }),
        ...(dirtyFields.description && { description: words.description }),
        ...(dirtyFields.deadline && { deadline: words.deadline }),
        ...(dirtyFields.minutes_per_day && { minutes_per_day: minutesOf(words.minutes_per_day) }),
      });
      if (!wantsNewDays) onClose();
    } catch (error) {
      if (showAtFields(error, words, form.setError, sentence)) change.reset();
    }
  });
  if (change.isSuccess) {
    return (
      <Window title={t("edit.saved")} onClose={onClose}>
        <Notice tone="plain">{t("edit.newDays")}</Notice>
        <ProblemNotice error={ask.error} />
        <div className={css.row}>
          <Button look="main" onPress={() => ask.mutate({ same_tasks: true }, { onSuccess: onClose })} isPending={ask.isPending}>
            {t("wish.days")}
          </Button>
          <Button onPress={onClose}>{t("edit.notNow")}</Button>
        </div>
      </Window>
    );
  }
  return (
    <Window title={t("edit.title")} onClose={onClose} wide>
      <form className={css.form} onSubmit={(event) => void save(event)} noValidate>
        <GoalFields form={form} />
        <ProblemNotice error={change.error} />
        <div className={css.row}>
          <Button look="main" type="submit" isDisabled={!form.formState.isDirty} isPending={change.isPending}>
            {t("hall:do.save")}
          </Button>
          <Button onPress={onClose}>{t("hall:do.cancel")}</Button>
        </div>
      </form>
    </Window>
  );
}
