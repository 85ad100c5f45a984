import type { Me } from "../session/me";

const DAY_MILLISECONDS = 86_400_000;
const HOUR_MILLISECONDS = 3_600_000;
const DAYS_OF_A_WEEK = 7;

const written = (moment: number): string => new Date(moment).toISOString().slice(0, 10);
const read = (day: string): number => Date.parse(`${day}T00:00:00Z`);

/** Which day it is for a member, as in `2026-11-21`: by their zone, and by when their day begins. */
export function todayOf(me: Me): string {
  const begun = new Date(Date.now() - me.day_starts_at * HOUR_MILLISECONDS);
  return new Intl.DateTimeFormat("sv-SE", { timeZone: me.time_zone }).format(begun);
}

export const daysAfter = (day: string, days: number): string => written(read(day) + days * DAY_MILLISECONDS);

/** The Monday on or before a day. */
export const weekOf = (day: string): string =>
  daysAfter(day, -((new Date(read(day)).getUTCDay() + DAYS_OF_A_WEEK - 1) % DAYS_OF_A_WEEK));

/** How many days one is after another. */
export const daysBetween = (from: string, to: string): number => (read(to) - read(from)) / DAY_MILLISECONDS;

/** So many days from one on. */
export const daysFrom = (day: string, number: number): string[] =>
  Array.from({ length: number }, (_, index) => daysAfter(day, index));
