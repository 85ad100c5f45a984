import { useId } from "react";
import { useForm } from "react-hook-form";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Field } from "../../parts/Field";
import field from "../../parts/Field.module.css";
import { showAtFields } from "../../parts/form";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice, useSentence } from "../../parts/Notice";
import type { Me } from "../../session/me";
import { useAccountChange } from "./saving";
import css from "./Settings.module.css";

const WEEKDAYS = [0, 1, 2, 3, 4, 5, 6] as const;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const CAPACITY = { from: 5, to: 960 };

/** When a member's days begin, and how much fits into them. */
export function Days({ me }: { me: Me }) {
  const { t } = useWords();
  const format = useFormats();
  const sentence = useSentence();
  const id = useId();
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
          <div className={field.field}>
            <label className={field.label} htmlFor={`${id}-zone`}>
              {t("settings.zone")}
            </label>
            <select className={field.select} id={`${id}-zone`} aria-describedby={`${id}-zone-why`} {...register("time_zone")}>
              {zones(me.time_zone).map((each) => (
                <option key={each} value={each}>
                  {each.replaceAll("_", " ")}
                </option>
              ))}
            </select>
            <p className={field.why} id={`${id}-zone-why`}>
              {t("settings.zoneWhy", { time: format.clock(zone) })}
            </p>
          </div>
          <div className={field.field}>
            <label className={field.label} htmlFor={`${id}-start`}>
              {t("settings.dayStart")}
            </label>
            <select className={field.select} id={`${id}-start`} aria-describedby={`${id}-start-why`} {...register("day_starts_at")}>
              {HOURS.map((hour) => (
                <option key={hour} value={String(hour)}>
                  {format.hour(hour)}
                </option>
              ))}
            </select>
            <p className={field.why} id={`${id}-start-why`}>
              {t("settings.dayStartWhy")}
            </p>
          </div>
          <Field
            control={control}
            name="daily_capacity_minutes"
            label={t("settings.capacity")}
            why={t("settings.capacityWhy")}
            inputMode="numeric"
            rules={{ required: t("form.required"), validate: isMinutes }}
          />
        </div>
        <fieldset className={css.set}>
          <legend>{t("settings.restDays")}</legend>
          <div className={css.week}>
            {WEEKDAYS.map((day) => (
              <label key={day} className={css.weekday}>
                <input type="checkbox" value={String(day)} {...register("rest_days")} />
                {format.weekday(day)}
              </label>
            ))}
          </div>
        </fieldset>
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
