import { daysAfter, daysFrom, weekOf } from "../../parts/days";

/** Gives so many days; the last one is `until`. */
export function daysUntil(until: string, number: number): string[] {
  return daysFrom(daysAfter(until, 1 - number), number);
}

/** Gives the days of so many weeks, from a Monday on; the last week ends with `until`. */
export function weeksUntil(until: string, weeks: number): string[] {
  const first = daysAfter(weekOf(until), 7 * (1 - weeks));
  return daysFrom(first, 7 * weeks).filter((day) => day <= until);
}
