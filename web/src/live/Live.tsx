import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, type ReactNode } from "react";

import { withWords } from "../i18n";
import { connect } from "./connection";
import { follow } from "./follow";
import { useEarned } from "./useEarned";

const Celebration = lazy(() =>
  // The page goes on without it, as it does where the hall was renewed meanwhile.
  withWords("progress", import("./Celebration")).catch(() => ({ default: Nothing })),
);

function Nothing(): ReactNode {
  return null;
}

/** Hears at once what concerns the member who is in, has the rooms show it, and celebrates. */
export function Live({ memberId }: { memberId: string }) {
  const client = useQueryClient();
  useEffect(() => follow(client), [client]);
  useEffect(() => connect(memberId), [memberId]);
  const { earned, seen } = useEarned(memberId);
  if (earned === null) return null;
  return (
    <Suspense>
      <Celebration earned={earned} onClose={seen} />
    </Suspense>
  );
}
