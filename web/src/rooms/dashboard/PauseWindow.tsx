import { useForm } from "react-hook-form";

import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { useAddPause } from "./queries";

/** Plans a pause: on its days nothing is expected, and the streak goes on after them. */
export function PauseWindow({ today, onClose }: { today: string; onClose: () => void }) {
  const { t } = useWords("progress");
  const add = useAddPause();
  const { control, handleSubmit, getValues } = useForm({ defaultValues: { starts_on: today, ends_on: today } });
  const plan = handleSubmit((days) => add.mutate(days, { onSuccess: onClose }));
  const required = t("hall:form.required");
  return (
    <Window title={t("pause.plan")} onClose={onClose}>
      <p>{t("pause.planWords")}</p>
      <form className={form.form} onSubmit={(event) => void plan(event)} noValidate>
        <div className={form.pair}>
          <Field control={control} name="starts_on" type="date" label={t("pause.from")} rules={{ required }} />
          <Field
            control={control}
            name="ends_on"
            type="date"
            label={t("pause.to")}
            rules={{ required, validate: (day) => day >= getValues("starts_on") || t("pause.order") }}
          />
        </div>
        <ProblemNotice error={add.error} />
        <div className={form.row}>
          <Button look="main" type="submit" isPending={add.isPending}>
            {t("pause.save")}
          </Button>
          <Button look="quiet" onPress={onClose}>
            {t("hall:do.cancel")}
          </Button>
        </div>
      </form>
    </Window>
  );
}
