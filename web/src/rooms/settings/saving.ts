import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { meQuery } from "../../session/me";

/** Changes one's account; all rooms show it as changed. */
export function useAccountChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["UserChange"]) => answer(api.PATCH("/api/v1/users/me", { body })),
    onSuccess: async (me) => {
      client.setQueryData(meQuery.queryKey, me);
      await client.invalidateQueries({ queryKey: ["dashboard"] });
    },
  });
}
