import { queryOptions, useInfiniteQuery, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useMemo } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { whileMoving } from "../../api/easing";
import { inTurn } from "../../api/inTurn";
import { pagesOf } from "../../api/queries";

/** As the hall sends it: with everything that a request may leave out. */
type Sent<T> = T extends readonly (infer Item)[] ? Sent<Item>[] : T extends object ? { [Key in keyof T]-?: Sent<T[Key]> } : T;
const sent = async <T>(asked: Promise<T>): Promise<Sent<T>> => (await asked) as Sent<T>;

export type Goal = Sent<Schemas["GoalOut"]>;
export type GoalSummary = Sent<Schemas["GoalSummary"]>;
export type Plan = Sent<Schemas["PlanOut"]>;
export type Milestone = Sent<Schemas["MilestoneOut"]>;
export type Task = Sent<Schemas["PlannedTaskOut"]>;
type TaskChange = Schemas["TaskChange"];

const GOALS_AT_ONCE = 50;

export const goalsQuery = pagesOf(["goals"], (cursor) =>
  sent(answer(api.GET("/api/v1/goals", { params: { query: { limit: GOALS_AT_ONCE, cursor } } }))),
);

export const goalQuery = (id: string) =>
  queryOptions({
    queryKey: ["goal", id],
    queryFn: () => sent(answer(api.GET("/api/v1/goals/{goal_id}", { params: { path: { goal_id: id } } }))),
  });

export const templatesQuery = queryOptions({
  queryKey: ["goal-templates"],
  staleTime: 600_000,
  queryFn: () => answer(api.GET("/api/v1/goal-templates", { params: { query: { limit: 100 } } })),
});

/** The preview of new days that waits for an answer, if there is one. */
export const reschedulingQuery = queryOptions({
  queryKey: ["reschedulings"],
  queryFn: async () => (await answer(api.GET("/api/v1/reschedulings"))).items[0] ?? null,
});

export const activitiesQuery = (taskId: string) =>
  queryOptions({
    queryKey: ["activities", taskId],
    queryFn: () =>
      answer(api.GET("/api/v1/tasks/{task_id}/activities", { params: { path: { task_id: taskId }, query: { limit: 50 } } })),
  });

/** All tasks of a plan, in its order. */
export const tasksOf = (plan: Plan): Task[] => plan.milestones.flatMap((milestone) => milestone.tasks);

/** One's goals, looked at again while one of them is being planned. */
export function useGoals() {
  const refetchInterval = useMemo(
    () =>
      whileMoving<{ pages: readonly { items: readonly GoalSummary[] }[] }>(({ pages }) =>
        pages.some(({ items }) => items.some(({ status }) => status === "analysing")),
      ),
    [],
  );
  return useInfiniteQuery({ ...goalsQuery, refetchInterval });
}

/** A goal, looked at again while its plan is being made. */
export function useGoal(id: string) {
  const refetchInterval = useMemo(() => whileMoving<Goal>(({ planning }) => planning), [id]);
  return useQuery({ ...goalQuery(id), refetchInterval });
}

/** Has everything that shows goals, tasks or what they earn asked for anew. */
export function lookAgain(client: QueryClient): void {
  for (const key of ["goal", "goals", "dashboard", "reschedulings"]) {
    void client.invalidateQueries({ queryKey: [key] });
  }
}

/** Changes a goal by a request that answers with it, changed. */
export function useGoalChange<Wanted = void>(change: (wanted: Wanted) => Promise<Schemas["GoalOut"]>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (wanted: Wanted) => sent(change(wanted)),
    onSuccess: (goal) => client.setQueryData(goalQuery(goal.id).queryKey, goal),
    onSettled: () => lookAgain(client),
  });
}

/** Asks for another version of a plan. */
export function usePlanRequest(goalId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Partial<Schemas["PlanRequest"]>) =>
      answer(
        api.POST("/api/v1/goals/{goal_id}/plan", {
          params: { path: { goal_id: goalId } },
          body: { wish: "", same_tasks: false, ...body },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: goalQuery(goalId).queryKey }),
  });
}

/** Says what became of a task, or moves it: at once on the page, and back again if the hall refuses. */
export function useTaskChange(goalId: string) {
  const client = useQueryClient();
  const { queryKey } = goalQuery(goalId);
  const mutationKey = ["task-change", goalId];
  return useMutation({
    mutationKey,
    mutationFn: ({ id, change }: { id: string; change: TaskChange }) =>
      inTurn(id, () => answer(api.PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, body: change }))),
    onMutate: async ({ id, change }) => {
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (shown) => shown && changed(shown, id, change));
      return { before };
    },
    // This one only: others may be under way.
    onError: (_, { id }, context) => client.setQueryData(queryKey, (shown) => shown && putBack(shown, id, context?.before)),
    onSettled: (_, __, { id }) => {
      // What is read before the last one under way has arrived would take that back on the page.
      if (client.isMutating({ mutationKey }) === 1) lookAgain(client);
      void client.invalidateQueries({ queryKey: activitiesQuery(id).queryKey });
    },
  });
}

function changed(goal: Goal, id: string, { scheduled_on, status }: TaskChange): Goal {
  if (!goal.plan) return goal;
  const plan = withTask(goal.plan, id, (task) => ({
    ...task,
    ...(scheduled_on && { scheduled_on, status: "open" }),
    ...(status && { status }),
  }));
  return { ...goal, plan: { ...plan, unplaced: plan.unplaced.filter((each) => each.id !== id || !scheduled_on) } };
}

function putBack(goal: Goal, id: string, before: Goal | undefined): Goal {
  const was = before?.plan && tasksOf(before.plan).find((task) => task.id === id);
  if (!goal.plan || !was) return goal;
  const others = goal.plan.unplaced.filter((each) => each.id !== id);
  const unplaced = before.plan?.unplaced.filter((each) => each.id === id) ?? [];
  return { ...goal, plan: { ...withTask(goal.plan, id, () => was), unplaced: [...others, ...unplaced] } };
}

function withTask(plan: Plan, id: string, change: (task: Task) => Task): Plan {
  const milestones = plan.milestones.map((milestone) => ({
    ...milestone,
    tasks: milestone.tasks.map((task) => (task.id === id ? change(task) : task)),
  }));
  return { ...plan, milestones };
}
