import { useForm } from "react-hook-form";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Choice, Choices } from "../../parts/Choice";
import { Field } from "../../parts/Field";
import { showAtFields } from "../../parts/form";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import type { Me } from "../../session/me";
import { useAccountChange } from "./saving";

const WEEKDAYS = [0, 1, 2, 3, 4, 5, 6] as const;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const CAPACITY = { from: 5, to: 960 };

/** When a member's days begin, and how much fits into them. */
export function Days({ me }: { me: Me }) {
  const { t } = useWords();
  const format = useFormats();
  const sentence = useSentence();
  const change = useAccountChange();
  const { control, register, handleSubmit, setError, watch, formState } = useForm({
    values: {
      time_zone: me.time_zone,
      day_starts_at: String(me.day_starts_at),
      daily_capacity_minutes: String(me.daily_capacity_minutes),
      rest_days: me.rest_days.map(String),
    },
  });
  const save = handleSubmit(async (values) => {
    try {
      await change.mutateAsync({
        time_zone: values.time_zone,
        day_starts_at: Number(values.day_starts_at),
        daily_capacity_minutes: Number(values.daily_capacity_minutes),
        rest_days: values.rest_days.map(Number),
      });
    } catch (error) {
      if (showAtFields(error, values, setError, sentence)) change.reset();
    }
  });
  const zone = watch("time_zone");
  const isMinutes = (value: unknown) =>
    (/^\d+$/.test(String(value)) && Number(value) >= CAPACITY.from && Number(value) <= CAPACITY.to) ||
    t("form.wholeNumber", CAPACITY);
  return (
    <Card title={t("settings.days")}>
      <form className={form.form} onSubmit={(event) => void save(event)} noValidate>
        <div className={form.pair}>
          <Choice
            label={t("settings.zone")}
            why={t("settings.zoneWhy", { time: format.clock(zone) })}
            options={zones(me.time_zone).map((each) => [each, each.replaceAll("_", " ")])}
            {...register("time_zone")}
          />
          <Choice
            label={t("settings.dayStart")}
            why={t("settings.dayStartWhy")}
            options={HOURS.map((hour) => [String(hour), format.hour(hour)])}
            {...register("day_starts_at")}
          />
          <Field
            control={control}
            name="daily_capacity_minutes"
            label={t("settings.capacity")}
            why={t("settings.capacityWhy")}
            inputMode="numeric"
            rules={{ required: t("form.required"), validate: isMinutes }}
          />
        </div>
        <Choices
          type="checkbox"
          label={t("settings.restDays")}
          options={WEEKDAYS.map((day) => [String(day), format.weekday(day)])}
          {...register("rest_days")}
        />
        <ProblemNotice error={change.error} />
        {change.isSuccess && !formState.isDirty && <Notice tone="good">{t("do.saved")}</Notice>}
        <div className={form.row}>
          <Button look="main" type="submit" isDisabled={!formState.isDirty} isPending={change.isPending}>
            {change.isPending ? t("do.saving") : t("do.save")}
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** All zones that this browser knows, and in any case the member's own. */
function zones(own: string): string[] {
  return [...new Set([own, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort();
}
