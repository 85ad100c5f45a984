import { infiniteQueryOptions, queryOptions, type QueryKey } from "@tanstack/react-query";

import { answer, api } from "./client";

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor?: string | null;
}

/** A list of the hall that comes in pages, for `useInfiniteQuery`; `data` is what came so far. */
export const pagesOf = <Item>(queryKey: QueryKey, fetchPage: (cursor: string | undefined) => Promise<Page<Item>>) =>
  infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    select: ({ pages }) => pages.flatMap((page) => page.items),
  });

/** The fields that XP and ranks are counted in. */
export const domainsQuery = queryOptions({
  queryKey: ["domains"],
  staleTime: 600_000,
  queryFn: () => answer(api.GET("/api/v1/domains")),
});

/** One's own XP, level, streak, ranks and badges. */
export const progressQuery = queryOptions({
  queryKey: ["progress"],
  queryFn: () => answer(api.GET("/api/v1/progress/me")),
});

export const challengeQuery = (id: string) =>
  queryOptions({
    queryKey: ["challenge", id],
    queryFn: () => answer(api.GET("/api/v1/challenges/{challenge_id}", { params: { path: { challenge_id: id } } })),
  });
