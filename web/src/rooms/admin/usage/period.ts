import { daysAfter, daysBetween, daysFrom } from "../../../parts/days";
import type { Period } from "./queries";

/** The periods that can be chosen by one word: so many days up to today. */
export const LENGTHS = ["7", "30", "90", "365"] as const;
const USUAL = "30";

/** Reads the period from the page's address; the usual one, if that says none. */
export function periodIn(address: URLSearchParams): Period & { length: string } {
  const [from, to] = [address.get("from"), address.get("to")];
  if (isDay(from) && isDay(to)) return { from, to, length: "own" };
  const length = LENGTHS.find((days) => days === address.get("days")) ?? USUAL;
  const today = new Date().toISOString().slice(0, 10);
  return { from: daysAfter(today, 1 - Number(length)), to: today, length };
}

export const daysOf = ({ from, to }: Period): string[] => daysFrom(from, Math.max(0, daysBetween(from, to) + 1));

function isDay(written: string | null): written is string {
  return written !== null && /^\d{4}-\d\d-\d\d$/.test(written) && !Number.isNaN(Date.parse(written));
}
