import { useMemo } from "react";

import { useWords } from ".";

/** Days are dates without a zone; moments are shown in the member's. */
export function useFormats(timeZone?: string) {
  const { language: words } = useWords();
  return useMemo(() => {
    // How the member's own region writes the language that is shown.
    const language = navigator.languages.find((tag) => tag.split("-")[0] === words) ?? words;
    const number = new Intl.NumberFormat(language);
    const cents = new Intl.NumberFormat(language, { style: "currency", currency: "USD" });
    const parts = new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: 6 });
    const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone });
    const moment = new Intl.DateTimeFormat(language, {
      dateStyle: "medium",
      timeStyle: "short",
      timeZone,
    });
    const day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
    const longDay = new Intl.DateTimeFormat(language, {
      weekday: "long",
      day: "numeric",
      month: "long",
      timeZone: "UTC",
    });
    const shortDay = new Intl.DateTimeFormat(language, {
      weekday: "short",
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    });
    const weekday = new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" });
    const month = new Intl.DateTimeFormat(language, { month: "short", timeZone: "UTC" });
    return {
      number: (value: number) => number.format(value),
      /** What models cost, in millionths of a US dollar; less than a cent is told to the end. */
      cost: (micros: number) => (micros > 0 && micros < 10_000 ? parts : cents).format(micros / 1_000_000),
      date: (iso: string) => date.format(new Date(iso)),
      moment: (iso: string) => moment.format(new Date(iso)),
      day: (isoDay: string) => day.format(new Date(`${isoDay}T00:00:00Z`)),
      longDay: (isoDay: string) => longDay.format(new Date(`${isoDay}T00:00:00Z`)),
      shortDay: (isoDay: string) => shortDay.format(new Date(`${isoDay}T00:00:00Z`)),
      month: (isoDay: string) => month.format(new Date(`${isoDay}T00:00:00Z`)),
      /** Names a weekday; 0 is Monday, as the hall counts. */
      weekday: (number_: number) => weekday.format(new Date(Date.UTC(2024, 0, 1 + number_))),
      hour: (hour: number) =>
        new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: "UTC" }).format(
          new Date(Date.UTC(2024, 0, 1, hour)),
        ),
      clock: (zone: string) =>
        new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: zone }).format(new Date()),
    };
  }, [words, timeZone]);
}
