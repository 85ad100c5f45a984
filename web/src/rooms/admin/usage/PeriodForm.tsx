import { useState } from "react";
import { useForm } from "react-hook-form";
import { useSearchParams } from "react-router";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Choice } from "../../../parts/Choice";
import { Field } from "../../../parts/Field";
import { LENGTHS } from "./period";
import type { Period } from "./queries";
import css from "./TokenUsage.module.css";

const MOST_DAYS = 366;
const DAY_MILLISECONDS = 86_400_000;

/** Which days are shown. They stand in the page's address, so that it can be kept and passed on. */
export function PeriodForm({ length, period }: { length: string; period: Period }) {
  const { t } = useWords("admin");
  const [isOwn, setOwn] = useState(length === "own");
  const [, setAddress] = useSearchParams();
  const { control, handleSubmit, getValues } = useForm({ values: { from: period.from, to: period.to } });
  const choose = (changes: Record<string, string>): void =>
    setAddress(
      (address) => {
        for (const name of ["days", "from", "to"]) address.delete(name);
        for (const [name, value] of Object.entries(changes)) address.set(name, value);
        return address;
      },
      { replace: true, preventScrollReset: true },
    );
  const fits = (to: unknown) => {
    const days = (Date.parse(String(to)) - Date.parse(getValues("from"))) / DAY_MILLISECONDS;
    return (days >= 0 && days <= MOST_DAYS) || t("usage.badPeriod", { count: MOST_DAYS });
  };
  const rules = { required: t("hall:form.required") };
  return (
    <form className={css.period} onSubmit={(event) => void handleSubmit(choose)(event)} noValidate>
      <Choice
        label={t("usage.period")}
        options={[...LENGTHS.map((days) => [days, t("usage.lastDays", { count: Number(days) })] as const), ["own", t("usage.ownPeriod")]]}
        value={isOwn ? "own" : length}
        onChange={({ target: { value } }) => {
          setOwn(value === "own");
          if (value !== "own") choose({ days: value });
        }}
      />
      {isOwn && (
        <>
          <Field control={control} name="from" type="date" label={t("usage.from")} rules={rules} />
          <Field control={control} name="to" type="date" label={t("usage.to")} rules={{ ...rules, validate: fits }} />
          <Button type="submit">{t("usage.show")}</Button>
        </>
      )}
    </form>
  );
}
