import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { whileMoving } from "../../api/easing";
import { asProblem } from "../../api/problem";
import { pagesOf } from "../../api/queries";
import { useLive } from "../../live/useLive";
import { forgetDraft } from "../../parts/draft";

export type Challenge = Schemas["ChallengeOut"];
export type ChallengeSummary = Schemas["ChallengeSummary"];
type Grader = Challenge["grader"];
export type GraderOf<Type extends Grader["type"]> = Extract<Grader, { type: Type }>;
export type Attempt = Schemas["AttemptOut"];
type Status = Attempt["status"];
export type Difficulty = Challenge["difficulty"];

export const DIFFICULTIES: readonly Difficulty[] = ["easy", "medium", "hard", "expert"];
export const STATUSES: readonly Status[] = ["started", "submitted", "passed", "failed"];

const PAGE = 20;
const MOST = 100;
/** A machine grades within a second or so; a person takes hours or days. */
const LOOK_FOR_REVIEW_MILLISECONDS = 30_000;

export interface Wanted {
  readonly domain?: string;
  readonly difficulty?: Difficulty;
  readonly tag?: string;
  readonly state?: "open" | "passed";
  readonly mine?: boolean;
  readonly sort?: "oldest" | "right_for_me";
}

export const challengesQuery = (wanted: Wanted, limit = PAGE) =>
  pagesOf(["challenges", wanted, limit], (cursor) =>
    answer(api.GET("/api/v1/challenges", { params: { query: { ...wanted, limit, cursor } } })),
  );

export const tagsQuery = queryOptions({
  queryKey: ["challenge-tags"],
  staleTime: 300_000,
  queryFn: () => answer(api.GET("/api/v1/challenges/tags", { params: { query: { limit: MOST } } })),
});

/** One's own attempts, newest first. They are graded behind one's back. */
export const attemptsQuery = (wanted: { challenge_id?: string; status?: Status }) => ({
  ...pagesOf(["attempts", wanted], (cursor) =>
    answer(api.GET("/api/v1/attempts", { params: { query: { ...wanted, limit: wanted.challenge_id ? MOST : PAGE, cursor } } })),
  ),
  staleTime: 0,
});

export const attemptQuery = (id: string) =>
  queryOptions({
    queryKey: ["attempt", id],
    staleTime: 0,
    queryFn: () => answer(api.GET("/api/v1/attempts/{attempt_id}", { params: { path: { attempt_id: id } } })),
  });

/** What the ledger has for an attempt. It is written a moment after the grade. */
export function useXpOf(attempt: Attempt) {
  const lookAgain = useMemo(() => whileMoving<{ items: readonly unknown[] }>(({ items }) => items.length === 0), [attempt.id]);
  return useQuery({
    queryKey: ["history", "attempt", attempt.id],
    enabled: attempt.xp_awarded > 0,
    queryFn: () =>
      answer(
        api.GET("/api/v1/progress/me/history", {
          params: { query: { cause_type: "attempt", cause_id: attempt.id } },
        }),
      ),
    refetchInterval: lookAgain,
  });
}

/** What is typed for an attempt is kept under this name. */
export const draftOf = (attempt: Attempt): string => `attempt.${attempt.id}`;

export const isGraded = (attempt: Attempt): boolean => attempt.status === "passed" || attempt.status === "failed";

/** Follows an attempt until it has its grade, and then has all that depends on it looked at anew. */
export function useAttempt(id: string, byPerson: boolean) {
  const client = useQueryClient();
  const lookAgain = useMemo(() => whileMoving<Attempt>(({ status }) => status === "submitted"), [id]);
  const query = useQuery({
    ...attemptQuery(id),
    refetchInterval: (watched) => {
      const pause = lookAgain(watched);
      return pause !== false && byPerson ? LOOK_FOR_REVIEW_MILLISECONDS : pause;
    },
  });
  // A review may come at any time; with XP, the hall tells of it.
  useLive("xp", ({ causes }) => {
    if (causes.some(({ cause_id }) => cause_id === id)) void client.invalidateQueries({ queryKey: ["attempt", id] });
  });
  const status = query.data?.status;
  const before = useRef(status);
  useEffect(() => {
    if (before.current === "submitted" && status !== "submitted") void readAnew(client);
    before.current = status;
  }, [client, status]);
  return query;
}

export function useStart(challengeId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/challenges/{challenge_id}/attempts", { params: { path: { challenge_id: challengeId } } })),
    onSuccess: (attempt) => {
      client.setQueryData(attemptQuery(attempt.id).queryKey, attempt);
      return client.invalidateQueries({ queryKey: ["attempts"] });
    },
    // Used up, or locked, since the page was loaded.
    onError: () => client.invalidateQueries({ queryKey: ["challenge", challengeId] }),
  });
}

/** Hands an answer in. That it has been handed in already, by a try of which nobody heard, is as good. */
export function useHandIn(attempt: Attempt) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Record<string, unknown>) => {
      try {
        await answer(api.POST("/api/v1/attempts/{attempt_id}/submit", { params: { path: { attempt_id: attempt.id } }, body }));
      } catch (error) {
        if (asProblem(error).code !== "attempt_already_submitted") throw error;
      }
    },
    onSuccess: async () => {
      forgetDraft(draftOf(attempt));
      client.setQueryData(attemptQuery(attempt.id).queryKey, { ...attempt, status: "submitted" });
      await Promise.all([
        client.invalidateQueries({ queryKey: ["attempt", attempt.id] }),
        client.invalidateQueries({ queryKey: ["attempts"] }),
        client.invalidateQueries({ queryKey: ["challenge", attempt.challenge_id] }),
      ]);
    },
    onError: () => client.invalidateQueries({ queryKey: ["challenge", attempt.challenge_id] }),
  });
}

/** A pass changes chances, locks and XP anywhere. */
async function readAnew(client: QueryClient): Promise<void> {
  await Promise.all(
    ["challenge", "challenges", "attempts", "dashboard", "history", "progress"].map((room) =>
      client.invalidateQueries({ queryKey: [room] }),
    ),
  );
}
