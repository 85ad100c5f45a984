/** What `/live` tells, by the names of its events (the contract is in `docs/signing-in.md`), and `again`, of our own. */
export interface LiveNews {
  /** The stream is open; what was told before is not known. */
  hello: { readonly session_id: string };
  /** It had been lost, and is open again: what was told meanwhile nobody here has heard. */
  again: null;
  /** XP was earned or taken back; `causes` has the first of what for. */
  xp: {
    readonly xp: number;
    readonly total_xp: number;
    readonly level: number;
    readonly level_xp: number;
    readonly next_level_xp: number;
    readonly causes: readonly Cause[];
    readonly causes_total: number;
  };
  level: { readonly level: number };
  rank: { readonly domain: string; readonly rank: string };
  badge: { readonly slug: string; readonly name: string };
  streak: { readonly days: number; readonly longest_days: number; readonly freezes: number };
  /** Leaderboards have moved: their names, at most about once a second. */
  boards: { readonly boards: readonly string[] };
  plan: { readonly goal_id: string; readonly version: number };
  conversation: { readonly conversation_id: string; readonly seq: number };
}

export interface Cause {
  readonly xp: number;
  readonly cause_type: string;
  readonly cause_id: string;
  readonly domain: string | null;
}

export type LiveEvent = keyof LiveNews;

/** An event as it comes, from the hall or from another tab; also of kinds that are not known here. */
export interface Told {
  readonly event: string;
  readonly data: unknown;
}

type Handler<Event extends LiveEvent> = (news: LiveNews[Event]) => void;

const handlers = new Map<string, Set<(data: never) => void>>();

/** Has a function called for each event of a name, until the one that is given back is called. */
export function onLive<Event extends LiveEvent>(event: Event, handler: Handler<Event>): () => void {
  const all = handlers.get(event) ?? new Set();
  handlers.set(event, all.add(handler));
  return () => all.delete(handler);
}

/** Tells this tab. */
export function hear({ event, data }: Told): void {
  // What the data of an event are is the hall's word, which no type can check here.
  handlers.get(event)?.forEach((handler) => handler(data as never));
}
