import { useQuery } from "@tanstack/react-query";
import { createContext, use } from "react";
import { Navigate, Outlet, useLocation } from "react-router";

import { Card, Skeleton } from "../parts/Card";
import { ProblemNotice } from "../parts/Notice";
import { useWords } from "../i18n";
import { meQuery, type Me } from "./me";

const MeContext = createContext<Me | null>(null);

/** Who is signed in, in a room for members. */
export function useMe(): Me {
  const me = use(MeContext);
  if (me === null) throw new Error("useMe is for rooms within MembersOnly");
  return me;
}

/** Lets members in, and leads others past the sign-in and back. */
export function MembersOnly() {
  const { t } = useWords();
  const location = useLocation();
  const { data: me, error, refetch } = useQuery(meQuery);
  if (me) {
    return (
      <MeContext value={me}>
        <Outlet />
      </MeContext>
    );
  }
  if (me === null) {
    return <Navigate to="/sign-in" replace state={{ to: location.pathname + location.search }} />;
  }
  if (error) return <ProblemNotice error={error} again={() => void refetch()} />;
  return (
    <Card title={t("wait")}>
      <Skeleton lines={5} />
    </Card>
  );
}
