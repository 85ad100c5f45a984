import { useQuery } from "@tanstack/react-query";
import { useForm } from "react-hook-form";

import type { Schemas } from "../../../api/client";
import { domainsQuery } from "../../../api/queries";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { Choice } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import form from "../../../parts/form.module.css";
import { ProblemNotice } from "../../../parts/Notice";

const WORTH = { from: 0, to: 1000 };

interface RescoringFormProps {
  error: unknown;
  isPending: boolean;
  onPreview: (body: Schemas["RescoringIn"]) => void;
}

/** Which awards are meant, and what each shall be worth. */
export function RescoringForm({ error, isPending, onPreview }: RescoringFormProps) {
  const { t } = useWords("admin");
  const { data: domains } = useQuery(domainsQuery);
  const { control, register, handleSubmit, setError, formState } = useForm({
    defaultValues: { domain: "", since: "", until: "", causes: "", worth: "0", reason: "" },
  });
  const preview = handleSubmit(({ domain, since, until, causes, worth, reason }) => {
    const ids = causes.split(/[\s,]+/).filter((id) => id !== "");
    const which = {
      ...(domain && { domain }),
      ...(since && { since: `${since}T00:00:00Z` }),
      ...(until && { until: `${until}T00:00:00Z` }),
      ...(ids.length > 0 && { cause_ids: ids }),
    };
    if (Object.keys(which).length === 0) setError("domain", { message: t("rescoring.some") }, { shouldFocus: true });
    else onPreview({ ...which, worth_percent: Number(worth), reason });
  });
  const isWorth = (value: string) => {
    if (Number(value) === 100) return t("rescoring.same");
    return (/^\d+$/.test(value) && Number(value) <= WORTH.to) || t("hall:form.wholeNumber", WORTH);
  };
  const areIds = (value: string) => /^[\s,0-9a-f-]*$/i.test(value) || t("rescoring.badIds");
  return (
    <Card title={t("rescoring.which")}>
      <p>{t("rescoring.why")}</p>
      <form className={form.form} onSubmit={(event) => void preview(event)} noValidate>
        <div className={form.pair}>
          <Choice
            label={t("rescoring.domain")}
            fault={formState.errors.domain?.message}
            options={[["", t("rescoring.anyDomain")], ...(domains?.items ?? []).map(({ id, name }) => [id, name] as const)]}
            {...register("domain")}
          />
          <Field control={control} name="since" type="date" label={t("rescoring.since")} why={t("rescoring.utc")} />
          <Field control={control} name="until" type="date" label={t("rescoring.until")} why={t("rescoring.utc")} />
        </div>
        <Field control={control} name="causes" lines={3} label={t("rescoring.causes")} why={t("rescoring.causesWhy")} rules={{ validate: areIds }} />
        <div className={form.pair}>
          <Field control={control} name="worth" label={t("rescoring.worth")} why={t("rescoring.worthWhy")} inputMode="numeric" rules={{ validate: isWorth }} />
          <Field control={control} name="reason" label={t("rescoring.reason")} why={t("rescoring.reasonWhy")} rules={{ required: t("hall:form.required") }} />
        </div>
        <ProblemNotice error={error} />
        <div className={form.row}>
          <Button look="main" type="submit" isPending={isPending}>
            {t("rescoring.see")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
