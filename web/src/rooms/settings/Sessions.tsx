import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import css from "./Settings.module.css";

const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: () => answer(api.GET("/api/v1/users/me/sessions", { params: { query: { limit: 100 } } })),
});

/** Where one is signed in, and the way to end what one does not know. */
export function Sessions({ timeZone }: { timeZone: string }) {
  const { t } = useWords();
  const format = useFormats(timeZone);
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(sessionsQuery);
  const end = useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE("/api/v1/users/me/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
  return (
    <Card title={t("settings.devices")}>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={3} />}
      <ul className={css.sessions}>
        {data?.items.map((session) => (
          <li key={session.id} className={css.session}>
            <span className={css.device}>
              <strong>{session.device}</strong>
              <span className={css.soft}>
                {t("settings.since", { date: format.moment(session.created_at) })}
                {session.second_factor && <>, {t("settings.secondFactor")}</>}
              </span>
            </span>
            {session.current ? (
              <span className={css.here}>{t("settings.thisDevice")}</span>
            ) : (
              <Button
                aria-label={t("settings.endOf", { device: session.device })}
                isPending={end.isPending && end.variables === session.id}
                onPress={() => end.mutate(session.id)}
              >
                {t("settings.end")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <ProblemNotice error={end.error} />
    </Card>
  );
}
