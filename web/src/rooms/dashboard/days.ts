const DAY_MILLISECONDS = 86_400_000;

/** Gives so many days, written as `2026-11-21`; the last one is `until`. */
export function daysUntil(until: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => dayAfter(until, index - count + 1));
}

/** Gives the day so many days after another one. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MILLISECONDS).toISOString().slice(0, 10);
}

/** Gives the days of so many whole weeks, from a Monday on; the last week ends with `until`. */
export function weeksUntil(until: string, weeks: number): string[] {
  return daysUntil(until, (weeks - 1) * 7 + weekdayOf(until) + 1);
}

/** Gives the weekday of a day; 0 is Monday, as the hall counts. */
export function weekdayOf(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
}
