import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "./client";

const LOOK_AGAIN_MILLISECONDS = 700;

export type Task = Schemas["TaskExecutionOut"];

export const isOver = (task: Task): boolean => ["succeeded", "failed", "cancelled"].includes(task.state);

const taskQuery = (id: string | undefined) =>
  queryOptions({
    queryKey: ["task-execution", id],
    enabled: id !== undefined,
    queryFn: () => answer(api.GET("/api/v1/task-executions/{execution_id}", { params: { path: { execution_id: id ?? "" } } })),
    refetchInterval: ({ state: { data } }) => (data && isOver(data) ? false : LOOK_AGAIN_MILLISECONDS),
  });

/** Follows background work until it is over, and can ask it to stop. */
export function useTask(id: string | undefined) {
  const client = useQueryClient();
  const { data: task, error } = useQuery(taskQuery(id));
  const cancel = useMutation({
    mutationFn: (executionId: string) =>
      answer(api.POST("/api/v1/task-executions/{execution_id}/cancel", { params: { path: { execution_id: executionId } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["task-execution", id] }),
  });
  return { task, error, cancel };
}
