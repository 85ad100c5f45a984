import { queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { answer, api, type Schemas } from "../api/client";
import { asProblem } from "../api/problem";
import { fetchUnasked, mayBeSignedIn, question, setSignedIn, settle } from "./door";

export type Me = Schemas["UserOut"];

/** What tabs tell each other; never anything that opens a door. */
export type TabNews = { readonly is: "in"; readonly id: string } | { readonly is: "out" };

export const TABS = "guildhall.session";
const tabs = new BroadcastChannel(TABS);
/** Whose things this page knows. */
let member: string | null = null;

/** Who is signed in on this device; null for nobody. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  queryFn: async (): Promise<Me | null> => {
    const me = mayBeSignedIn() ? await myAccount() : null;
    if (me && member !== null && me.id !== member) return startAnew();
    member = me?.id ?? null;
    setSignedIn(me !== null);
    if (me) tell({ is: "in", id: me.id });
    return me;
  },
});

async function myAccount(): Promise<Me | null> {
  try {
    return await answer(api.GET("/api/v1/users/me"));
  } catch (error) {
    if (asProblem(error).status === 401) return null;
    throw error;
  }
}

/** Has nothing stay of who was here: a page that is loaded anew knows nothing of them. */
function startAnew(): Promise<never> {
  location.assign("/");
  return new Promise(() => undefined);
}

function tell(news: TabNews): void {
  tabs.postMessage(news);
}

/** Knows anew who is signed in, after a sign-in. */
export async function enter(client: QueryClient): Promise<Me | null> {
  return client.fetchQuery({ ...meQuery, staleTime: 0 });
}

/** Forgets everything that this page knows of a member. */
export function forget(client: QueryClient): void {
  setSignedIn(false);
  member = null;
  client.setQueryData(meQuery.queryKey, null);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== meQuery.queryKey[0] });
}

export function useSignOut() {
  return useMutation({
    mutationFn: async () => {
      try {
        // Nobody is asked to sign in for signing out.
        await answer(api.POST("/api/v1/auth/logout", { fetch: fetchUnasked }));
      } catch (error) {
        if (asProblem(error).status !== 401) throw error;
      }
    },
    onSuccess: () => {
      tell({ is: "out" });
      void startAnew();
    },
  });
}

/** Takes back that one's account is to be erased. */
export function useKeepAccount() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => answer(api.POST("/api/v1/users/me/keep")),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

/** Follows what other tabs of this browser tell: they all have the same session. */
export function useOtherTabs(): void {
  const client = useQueryClient();
  useEffect(() => {
    const heard = ({ data }: MessageEvent<TabNews>): void => {
      const me = client.getQueryData(meQuery.queryKey);
      if (data.is === "out") {
        if (me) forget(client);
      } else if (me === null || me === undefined) {
        void client.invalidateQueries({ queryKey: meQuery.queryKey });
      } else if (me.id !== data.id) {
        void startAnew(); // Another member is in now.
      } else if (question() === "ended" || question() === "suspended") {
        settle(true);
      }
    };
    // A page that the browser had kept, and shows again by "back", has heard nothing meanwhile.
    const shownAgain = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted) return;
      if (mayBeSignedIn()) void client.invalidateQueries({ queryKey: meQuery.queryKey });
      else location.reload();
    };
    tabs.addEventListener("message", heard);
    window.addEventListener("pageshow", shownAgain);
    return () => {
      tabs.removeEventListener("message", heard);
      window.removeEventListener("pageshow", shownAgain);
    };
  }, [client]);
}
