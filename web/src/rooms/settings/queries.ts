import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { pagesOf } from "../../api/queries";

export const sessionsQuery = pagesOf(["sessions"], (cursor) =>
  answer(api.GET("/api/v1/users/me/sessions", { params: { query: { cursor } } })),
);

export const devicesQuery = pagesOf(["devices"], (cursor) =>
  answer(api.GET("/api/v1/users/me/devices", { params: { query: { cursor } } })),
);

/** All of them: a member may have no more than 20. */
export const passkeysQuery = queryOptions({
  queryKey: ["passkeys"],
  queryFn: () => answer(api.GET("/api/v1/users/me/passkeys", { params: { query: { limit: 20 } } })),
});

export const identitiesQuery = pagesOf(["identities"], (cursor) =>
  answer(api.GET("/api/v1/users/me/identities", { params: { query: { cursor } } })),
);

export const keysQuery = pagesOf(["api-keys"], (cursor) =>
  answer(api.GET("/api/v1/users/me/api-keys", { params: { query: { cursor } } })),
);

export const scopesQuery = queryOptions({
  queryKey: ["scopes"],
  queryFn: () => answer(api.GET("/api/v1/auth/scopes")),
});

const UNDER_WAY: readonly string[] = ["queued", "running"];

/** The newest export; null for none. Asked for again while it is being made. */
export const exportQuery = queryOptions({
  queryKey: ["export"],
  refetchInterval: ({ state }) => (UNDER_WAY.includes(state.data?.state ?? "") ? 1000 : false),
  queryFn: async () => {
    try {
      return await answer(api.GET("/api/v1/users/me/export"));
    } catch (error) {
      if (asProblem(error).code === "export_not_found") return null;
      throw error;
    }
  },
});
