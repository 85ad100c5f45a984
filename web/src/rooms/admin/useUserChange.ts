import { useQueryClient } from "@tanstack/react-query";

import { meQuery } from "../../session/me";
import { useMe } from "../../session/MembersOnly";
import { USERS } from "./queries";

/** Gives a way to do something to a member, after which all that shows them is asked anew. */
export function useUserChange(id: string) {
  const client = useQueryClient();
  const me = useMe();
  return async (change: Promise<unknown>): Promise<void> => {
    try {
      await change;
    } finally {
      await client.invalidateQueries({ queryKey: USERS });
      if (id === me.id) await client.invalidateQueries({ queryKey: meQuery.queryKey });
    }
  };
}
