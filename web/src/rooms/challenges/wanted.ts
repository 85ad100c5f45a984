import { useSearchParams } from "react-router";

import { DIFFICULTIES, type Wanted } from "./queries";

export const SHOWN = ["all", "open", "passed", "mine"] as const;
export const SORTS = ["right_for_me", "oldest"] as const;

/** What narrows the list, as it stands in the address; "" for what does not. */
export interface Filters {
  readonly domain: string;
  readonly difficulty: string;
  readonly tag: string;
  readonly show: string;
  readonly sort: string;
}

const NONE: Filters = { domain: "", difficulty: "", tag: "", show: "", sort: "" };
const NAMES = ["domain", "difficulty", "tag", "show", "sort"] as const;

/** The list that the address asks for, and addresses of others. */
export function useWanted() {
  const [search, setSearch] = useSearchParams();
  const filters: Filters = {
    domain: search.get("domain") ?? "",
    difficulty: search.get("difficulty") ?? "",
    tag: search.get("tag") ?? "",
    show: search.get("show") ?? "",
    sort: search.get("sort") ?? "",
  };
  return {
    filters,
    wanted: wantedOf(filters),
    address: (change: Partial<Filters>) => `?${written({ ...filters, ...change })}`,
    narrow: (change: Partial<Filters>) => setSearch(written({ ...filters, ...change }), { preventScrollReset: true }),
    clear: () => setSearch(written({ ...NONE, sort: filters.sort }), { preventScrollReset: true }),
  };
}

function wantedOf({ domain, difficulty, tag, show, sort }: Filters): Wanted {
  return {
    ...(domain && { domain }),
    difficulty: DIFFICULTIES.find((each) => each === difficulty),
    ...(tag && { tag }),
    ...((show === "open" || show === "passed") && { state: show }),
    ...(show === "mine" && { mine: true }),
    sort: SORTS.find((each) => each === sort) ?? SORTS[0],
  };
}

function written(filters: Filters): URLSearchParams {
  return new URLSearchParams(NAMES.flatMap((name) => (filters[name] === "" ? [] : [[name, filters[name]]])));
}
