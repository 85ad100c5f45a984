import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../../api/client";
import { pagesOf } from "../../../api/queries";

export type Attempt = Schemas["AttemptOut"];
export type Rubric = readonly Schemas["Criterion"][];

/** What waits for one's score, oldest first; others may be at it too, so it is asked for again. */
export const toReviewQuery = {
  ...pagesOf(["reviews"], (cursor) => answer(api.GET("/api/v1/attempts", { params: { query: { to_review: true, limit: 50, cursor } } }))),
  refetchInterval: 20_000,
};

/** What an attempt is at, with all that only its reviewers see. */
export const reviewedChallengeQuery = (id: string) =>
  queryOptions({
    queryKey: ["reviews", "challenge", id],
    queryFn: () => answer(api.GET("/api/v1/challenges/{challenge_id}", { params: { path: { challenge_id: id } } })),
  });

export function useReview() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ attempt, body }: { attempt: Attempt; body: Schemas["ReviewIn"] }) =>
      answer(api.POST("/api/v1/attempts/{attempt_id}/review", { params: { path: { attempt_id: attempt.id } }, body })),
    onSettled: () => void client.invalidateQueries({ queryKey: ["reviews"], exact: true }),
  });
}
