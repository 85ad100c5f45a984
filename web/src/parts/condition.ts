/** What a badge is earned for, as the hall writes it in JSON; read without trust, put in order. */
export type Condition = Leaf | { readonly type: "all" | "any"; readonly of: readonly Condition[] };

export type Leaf = { readonly not: boolean } & (
  | { readonly type: "xp"; readonly threshold: number; readonly domain?: string }
  | { readonly type: "attempts"; readonly count: number; readonly status?: "passed" | "failed"; readonly domain?: string }
  | { readonly type: "days"; readonly days: number }
  | { readonly type: "event"; readonly event: string; readonly count: number }
);

/** The events that badges can count and that have words of their own. */
export const EVENTS = {
  "identity.user_registered": "joined",
  "challenges.attempt_graded": "graded",
  "goals.task_completed": "tasks",
  "goals.goal_completed": "goals",
  "progression.level_reached": "levels",
  "progression.rank_reached": "ranks",
  "progression.badge_earned": "badges",
} as const;

export const isKnownEvent = (event: string): event is keyof typeof EVENTS => event in EVENTS;

type Written = Readonly<Record<string, unknown>>;

/**
 * Reads a condition; null for what is none. `not` stands only at the leaves of what it gives, and
 * no group within one of its own kind: this is what a person reads.
 */
export function conditionOf(written: unknown, not = false): Condition | null {
  if (!isWritten(written)) return null;
  const { type } = written;
  if (type === "not") return conditionOf(written.of ?? written.condition, !not);
  if (type !== "all" && type !== "any") return leafOf(written, not);
  const parts = written.of ?? written.conditions;
  if (!Array.isArray(parts)) return null;
  const kind = (type === "all") === not ? "any" : "all";
  const of: Condition[] = [];
  for (const part of parts) {
    const read = conditionOf(part, not);
    if (read === null) return null;
    of.push(...(read.type === kind ? read.of : [read]));
  }
  return of.length === 1 ? (of[0] ?? null) : { type: kind, of };
}

function leafOf(written: Written, not: boolean): Leaf | null {
  const { type, threshold, count, days, event, status } = written;
  const domain = typeof written.domain === "string" ? written.domain : undefined;
  if (type === "xp" && typeof threshold === "number") return { type: "xp", not, threshold, domain };
  if (type === "attempt_count" && typeof count === "number") {
    return { type: "attempts", not, count, status: status === "passed" || status === "failed" ? status : undefined, domain };
  }
  if (type === "consecutive_days" && typeof days === "number") return { type: "days", not, days };
  if (type === "event_count" && typeof event === "string" && typeof count === "number") {
    return { type: "event", not, event, count };
  }
  return null;
}

function isWritten(value: unknown): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
