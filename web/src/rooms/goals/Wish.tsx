import { useForm } from "react-hook-form";

import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { forgetDraft, keptDraft, useDraft } from "../../parts/draft";
import { Field } from "../../parts/Field";
import css from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import { usePlanRequest, type Goal } from "./queries";

const EMPTY = { wish: "" };

/** Asks for another version of the plan, by a wish in one's own words, or with new days only. */
export function Wish({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const ask = usePlanRequest(goal.id);
  const draft = `wish.${goal.id}`;
  const form = useForm({ defaultValues: keptDraft(draft, EMPTY) });
  useDraft(draft, form);
  const send = form.handleSubmit(({ wish }) =>
    ask.mutate(
      { wish },
      {
        onSuccess: () => {
          form.reset(EMPTY);
          forgetDraft(draft);
        },
      },
    ),
  );
  const isOffline = goal.plan?.provider === "offline";
  return (
    <Card title={t(goal.plan ? "wish.title" : "wish.none")} wide>
      <form className={css.form} onSubmit={(event) => void send(event)} noValidate>
        <Field
          control={form.control}
          name="wish"
          label={t("wish.label")}
          why={t(isOffline ? "wish.whyOffline" : "wish.why")}
          lines={3}
          rules={{ maxLength: { value: 5000, message: t("form.tooLong", { count: 5000 }) } }}
        />
        <ProblemNotice error={ask.error} />
        <div className={css.row}>
          <Button look="main" type="submit" isPending={ask.isPending}>
            {t(goal.plan ? "wish.ask" : "wish.first")}
          </Button>
          {goal.plan && (
            <Button onPress={() => ask.mutate({ same_tasks: true })} isPending={ask.isPending}>
              {t("wish.days")}
            </Button>
          )}
        </div>
      </form>
    </Card>
  );
}
