import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { inTurn } from "../../api/inTurn";
import { useLive } from "../../live/useLive";

export type Dashboard = Schemas["DashboardOut"];
export type Task = Schemas["DashboardTask"];

export const dashboardQuery = (userId: string) =>
  queryOptions({
    queryKey: ["dashboard", userId],
    queryFn: () => answer(api.GET("/api/v1/dashboard/{user_id}", { params: { path: { user_id: userId } } })),
  });

export const historyQuery = (since: string) =>
  queryOptions({
    queryKey: ["history", since],
    queryFn: () => answer(api.GET("/api/v1/progress/me/history/days", { params: { query: { since } } })),
  });

export const freezesQuery = (since: string) =>
  queryOptions({
    queryKey: ["history", since, "freezes"],
    queryFn: () => answer(api.GET("/api/v1/progress/me/freezes", { params: { query: { since } } })),
  });

export const pausesQuery = queryOptions({
  queryKey: ["pauses"],
  queryFn: () => answer(api.GET("/api/v1/progress/me/pauses", { params: { query: { limit: 100 } } })),
});

export const nextBadgesQuery = queryOptions({
  queryKey: ["badges", "next"],
  queryFn: () => answer(api.GET("/api/v1/badges/next")),
});

export function useAddPause() {
  const followed = useStreakFollows();
  return useMutation({
    mutationFn: (days: { starts_on: string; ends_on: string }) =>
      answer(api.POST("/api/v1/progress/me/pauses", { body: days })),
    onSuccess: followed,
  });
}

export function useRemovePause() {
  const followed = useStreakFollows();
  return useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE("/api/v1/progress/me/pauses/{pause_id}", { params: { path: { pause_id: id } } })),
    onSuccess: followed,
  });
}

/** What follows from other pauses: the streak, and the free days that it took. */
function useStreakFollows(): () => Promise<unknown> {
  const client = useQueryClient();
  return () =>
    Promise.all([["pauses"], ["dashboard"], ["history"]].map((queryKey) => client.invalidateQueries({ queryKey })));
}

/** Shows XP at once where it is told, before all of the dashboard is read anew. */
export function useXpAsTold(userId: string): void {
  const client = useQueryClient();
  useLive("xp", ({ total_xp, level, level_xp, next_level_xp }) =>
    client.setQueryData(
      dashboardQuery(userId).queryKey,
      (shown) => shown && { ...shown, progress: { ...shown.progress, total_xp, level, level_xp, next_level_xp } },
    ),
  );
}

/** Ticks a task off, or takes that back: at once on the page, and back again if the hall refuses. */
export function useTick(userId: string) {
  const client = useQueryClient();
  const { queryKey } = dashboardQuery(userId);
  const mutationKey = ["tick", userId];
  return useMutation({
    mutationKey,
    mutationFn: ({ task, done }: { task: Task; done: boolean }) =>
      inTurn(task.id, () =>
        answer(
          api.PATCH("/api/v1/tasks/{task_id}", {
            params: { path: { task_id: task.id } },
            body: { status: done ? "done" : "open" },
          }),
        ),
      ),
    onMutate: async ({ task, done }) => {
      await client.cancelQueries({ queryKey });
      client.setQueryData(queryKey, (shown) => shown && ticked(shown, task, done));
    },
    // This one only: others may be under way.
    onError: (_, { task, done }) => client.setQueryData(queryKey, (shown) => shown && ticked(shown, task, !done)),
    // What is read before the last one under way has arrived would take that back on the page.
    // XP follows a moment later; `/live` tells when.
    onSettled: () => (client.isMutating({ mutationKey }) === 1 ? client.invalidateQueries({ queryKey: ["dashboard"] }) : undefined),
  });
}

function ticked(shown: Dashboard, task: Task, done: boolean): Dashboard {
  const minutes = done ? task.minutes : -task.minutes;
  return {
    ...shown,
    today: {
      ...shown.today,
      minutes_open: shown.today.minutes_open - minutes,
      minutes_done: Math.max(0, shown.today.minutes_done + minutes),
      tasks: shown.today.tasks.map((each) =>
        each.id === task.id ? { ...each, status: done ? "done" : "open" } : each,
      ),
    },
  };
}
