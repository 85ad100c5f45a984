import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../../api/client";

export type Badge = Schemas["BadgeOut"];

/** All badges, those switched off too. */
export const badgesQuery = queryOptions({
  queryKey: ["all-badges"],
  queryFn: async (): Promise<Badge[]> => {
    const badges: Badge[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await answer(api.GET("/api/v1/admin/badges", { params: { query: { limit: 100, cursor } } }));
      badges.push(...page.items);
      cursor = page.next_cursor ?? null;
    }
    return badges;
  },
});

type Changes = Omit<Schemas["BadgeIn"], "condition"> & { condition?: Schemas["BadgeIn"]["condition"] };

/** Saves a new badge, or a change of one: without a condition that one stays, and its version. */
export function useSave(badge?: Badge) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ slug, ...rest }: Changes) =>
      badge
        ? answer(api.PATCH("/api/v1/admin/badges/{badge_id}", { params: { path: { badge_id: badge.id } }, body: rest }))
        : answer(api.POST("/api/v1/admin/badges", { body: { slug, condition: {}, ...rest } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: badgesQuery.queryKey });
      await client.invalidateQueries({ queryKey: ["badges"] });
    },
  });
}

export const tryOnHistory = (condition: Record<string, unknown>) =>
  answer(api.POST("/api/v1/admin/badges/trial", { body: { condition } }));

export const awardToAll = (id: string) =>
  answer(api.POST("/api/v1/admin/badges/{badge_id}/award", { params: { path: { badge_id: id } } }));
