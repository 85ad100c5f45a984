import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";

import { answer, api, type Schemas } from "./client";
import { whileMoving } from "./easing";

export type Task = Schemas["TaskExecutionOut"];

export const isOver = (task: Task): boolean => ["succeeded", "failed", "cancelled"].includes(task.state);

type LookAgain = ReturnType<typeof whileMoving<Task>>;

const taskQuery = (id: string | undefined, refetchInterval: LookAgain) =>
  queryOptions({
    queryKey: ["task-execution", id],
    enabled: id !== undefined,
    queryFn: () => answer(api.GET("/api/v1/task-executions/{execution_id}", { params: { path: { execution_id: id ?? "" } } })),
    refetchInterval,
  });

/** Follows background work until it is over, and can ask it to stop. */
export function useTask(id: string | undefined) {
  const client = useQueryClient();
  const lookAgain = useMemo(() => whileMoving<Task>((task) => !isOver(task)), [id]);
  const { data: task, error } = useQuery(taskQuery(id, lookAgain));
  const cancel = useMutation({
    mutationFn: (executionId: string) =>
      answer(api.POST("/api/v1/task-executions/{execution_id}/cancel", { params: { path: { execution_id: executionId } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["task-execution", id] }),
  });
  return { task, error, cancel };
}
