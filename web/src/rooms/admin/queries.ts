import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { pagesOf } from "../../api/queries";

export type User = Schemas["UserOut"];
export type UserDetails = Schemas["UserDetails"];
export type HallEvent = Schemas["EventOut"];
export type AuditEntry = Schemas["AuditEntryOut"];

export const ROLES = ["member", "moderator", "admin"] as const;
export const STATUSES = ["active", "suspended", "erased"] as const;
export const TASK_STATES = ["queued", "sent", "running", "succeeded", "failed", "cancelled"] as const;
export const EVENT_STATES = ["parked", "waiting", "claimed", "done"] as const;

interface UserFilters {
  search?: string;
  role?: (typeof ROLES)[number];
  status?: (typeof STATUSES)[number];
}

/** Everything about members as admins see them: after a change of one, all of it is asked anew. */
export const USERS = ["admin", "users"] as const;

export const usersQuery = (filters: UserFilters) =>
  pagesOf([...USERS, "list", filters], (cursor) =>
    answer(api.GET("/api/v1/admin/users", { params: { query: { ...filters, cursor } } })),
  );

export const userQuery = (id: string) =>
  queryOptions({
    queryKey: [...USERS, id],
    queryFn: () => answer(api.GET("/api/v1/admin/users/{user_id}", { params: { path: { user_id: id } } })),
  });

export const standingQuery = (id: string) =>
  queryOptions({
    queryKey: [...USERS, id, "standing"],
    queryFn: () => answer(api.GET("/api/v1/dashboard/{user_id}", { params: { path: { user_id: id } } })),
  });

export const ledgerQuery = (id: string) =>
  pagesOf([...USERS, id, "ledger"], (cursor) =>
    answer(api.GET("/api/v1/admin/users/{user_id}/xp", { params: { path: { user_id: id }, query: { cursor } } })),
  );

export interface AuditFilters {
  action?: string;
  actor_id?: string;
  target_id?: string;
  address?: string;
  request_id?: string;
  since?: string;
  until?: string;
}

export const auditQuery = (filters: AuditFilters) =>
  pagesOf(["admin", "audit", filters], (cursor) =>
    answer(api.GET("/api/v1/admin/audit-log", { params: { query: { ...filters, cursor } } })),
  );

interface EventFilters {
  state: (typeof EVENT_STATES)[number];
  handler?: string;
}

export const EVENTS = ["admin", "events"] as const;

export const eventsQuery = (filters: EventFilters) =>
  pagesOf([...EVENTS, "list", filters], (cursor) =>
    answer(api.GET("/api/v1/admin/events", { params: { query: { ...filters, cursor, limit: 20 } } })),
  );

export const eventQuery = (id: number) =>
  queryOptions({
    queryKey: [...EVENTS, id],
    queryFn: () => answer(api.GET("/api/v1/admin/events/{event_id}", { params: { path: { event_id: id } } })),
  });

interface TaskFilters {
  state?: (typeof TASK_STATES)[number];
  routine: boolean;
}

export const TASKS = ["admin", "tasks"] as const;

export const tasksQuery = (filters: TaskFilters) =>
  pagesOf([...TASKS, filters], (cursor) =>
    answer(api.GET("/api/v1/task-executions", { params: { query: { ...filters, cursor } } })),
  );
