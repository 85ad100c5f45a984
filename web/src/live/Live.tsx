import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { connect } from "./connection";
import { follow } from "./follow";

/** Hears at once what concerns the member who is in, and has the rooms show it. */
export function Live({ memberId }: { memberId: string }) {
  const client = useQueryClient();
  useEffect(() => follow(client), [client]);
  useEffect(() => connect(memberId), [memberId]);
  return null;
}
