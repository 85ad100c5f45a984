import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { progressQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import form from "../../parts/form.module.css";

/** Whether others see one on the boards, and the way off them and back. */
export function Showing() {
  const { t } = useWords("boards");
  const { data, error, refetch } = useQuery(progressQuery);
  const show = useShowing();
  const isShown = data?.on_leaderboards;
  return (
    <Card title={t("showing.title")}>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={2} />}
      {isShown !== undefined && (
        <>
          <p>{t(isShown ? "showing.shown" : "showing.hidden")}</p>
          <ProblemNotice error={show.error} />
          <div className={form.row}>
            <Button onPress={() => show.mutate(!isShown)} isPending={show.isPending}>
              {t(isShown ? "showing.hide" : "showing.show")}
            </Button>
          </div>
        </>
      )}
    </Card>
  );
}

function useShowing() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (on_leaderboards: boolean) => answer(api.PATCH("/api/v1/progress/me", { body: { on_leaderboards } })),
    onSuccess: () =>
      Promise.all(
        [progressQuery.queryKey, ["board"], ["member"], ["dashboard"]].map((queryKey) => client.invalidateQueries({ queryKey })),
      ),
  });
}
