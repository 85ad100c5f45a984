import { useQueryClient } from "@tanstack/react-query";

import { EVENTS } from "./queries";

/** Gives a way to have events delivered anew, after which the lists are asked anew. */
export function useReplay() {
  const client = useQueryClient();
  return async (asked: Promise<unknown>): Promise<void> => {
    try {
      await asked;
    } finally {
      await client.invalidateQueries({ queryKey: EVENTS });
    }
  };
}
