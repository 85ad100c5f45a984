import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useSyncExternalStore } from "react";

import { question, subscribe } from "./door";
import { meQuery } from "./me";

const DoorDialog = lazy(() => import("./DoorDialog"));

/** Stands over every page, and shows itself when requests under way wait for a person. */
export function Door() {
  const { data: me } = useQuery({ ...meQuery, enabled: false });
  const what = useSyncExternalStore(subscribe, question);
  if (what === null || !me) return null;
  return (
    <Suspense>
      <DoorDialog what={what} me={me} />
    </Suspense>
  );
}
