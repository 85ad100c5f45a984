import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";

import { onLive, type LiveEvent } from "./news";

/** What is read anew when the hall tells something: the first words of its query keys. Boards follow by themselves. */
const FOLLOWS: Partial<Record<LiveEvent, readonly string[]>> = {
  xp: ["dashboard", "history", "progress", "attempts", "ledger"],
  level: ["dashboard", "progress"],
  rank: ["dashboard", "progress", "ranks"],
  badge: ["dashboard", "progress", "badges"],
  streak: ["dashboard", "progress"],
  plan: ["dashboard", "goal", "goals"],
};
/** Events come in groups; the first is waited for a little, and what goes on coming is looked at now and then. */
const GATHER_MILLISECONDS = 150;
const BETWEEN_MILLISECONDS = 8000;
/** What was read a moment before the stream was open has missed nothing to speak of. */
const FRESH_MILLISECONDS = 3000;

/** Has what is shown follow what is told, until the function that is given back is called. */
export function follow(client: QueryClient): () => void {
  const stale = new Set<string>();
  let timer = 0;
  let lookedAt = 0;
  const readAnew = (predicate: (query: Query) => boolean): void => {
    // Nobody sees a tab that is hidden; it looks when it is seen again.
    const refetchType = document.visibilityState === "visible" ? "active" : "none";
    void client.invalidateQueries({ predicate, refetchType });
  };
  const look = (): void => {
    timer = 0;
    lookedAt = Date.now();
    const words = new Set(stale);
    stale.clear();
    readAnew(({ queryKey }) => words.has(firstWord(queryKey)));
  };
  const soon = (words: readonly string[]): void => {
    words.forEach((word) => stale.add(word));
    if (timer !== 0) return;
    const due = Math.max(GATHER_MILLISECONDS, lookedAt + BETWEEN_MILLISECONDS - Date.now());
    timer = window.setTimeout(look, due);
  };
  const entries = Object.entries(FOLLOWS) as [LiveEvent, readonly string[]][];
  const all = new Set(entries.flatMap(([, words]) => words));
  const follows = ({ queryKey }: Query): boolean => all.has(firstWord(queryKey));
  const ends = [
    ...entries.map(([event, words]) => onLive(event, () => soon(words))),
    onLive("hello", () => {
      const before = Date.now() - FRESH_MILLISECONDS;
      readAnew((query) => follows(query) && query.state.dataUpdatedAt < before);
    }),
    onLive("again", () => readAnew(follows)),
  ];
  return () => {
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}

function firstWord(key: QueryKey): string {
  return String(key[0]);
}
