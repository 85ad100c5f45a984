import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../api/client";
import { useWords } from "../i18n";
import { ButtonLink } from "../parts/Button";
import { Skeleton, Slip } from "../parts/Card";
import { Notice, ProblemNotice } from "../parts/Notice";
import { meQuery } from "../session/me";
import { tokenOfLink } from "./link";

export function Component() {
  const { t } = useWords();
  const client = useQueryClient();
  const [token] = useState(tokenOfLink);
  const { data: me } = useQuery(meQuery);
  const shown = useQuery({
    queryKey: ["verify-email", token],
    enabled: token !== "",
    // Good once: it is not shown again by itself.
    staleTime: Infinity,
    queryFn: async () => {
      await answer(api.POST("/api/v1/auth/verify-email", { body: { token } }));
      // What is on its way may have been asked for before.
      await client.cancelQueries({ queryKey: meQuery.queryKey });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
      return true;
    },
  });
  return (
    <Slip title={t("verify.title")}>
      <title>{`${t("verify.title")} · ${t("hall")}`}</title>
      {token === "" && <p>{t("verify.none")}</p>}
      {shown.isLoading && (
        <>
          <p role="status">{t("verify.waiting")}</p>
          <Skeleton lines={2} />
        </>
      )}
      {shown.isSuccess && <Notice tone="good">{t("verify.done")}</Notice>}
      <ProblemNotice error={shown.error} />
      {(shown.isFetched || token === "") && (
        <ButtonLink look="main" to={me ? "/dashboard" : "/sign-in"}>
          {me ? t("nav.dashboard") : t("nav.signIn")}
        </ButtonLink>
      )}
    </Slip>
  );
}
