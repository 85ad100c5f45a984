import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import form from "../../parts/form.module.css";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import { Entries, Entry, Here } from "./Entries";
import { sessionsQuery } from "./queries";

/** Where one is signed in, and the way to end what one does not know. */
export function Sessions({ timeZone }: { timeZone: string }) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const client = useQueryClient();
  const pages = useInfiniteQuery(sessionsQuery);
  const [asks, setAsks] = useState(false);
  const known = (): Promise<void> => client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const end = useMutation({
    mutationFn: (session_id: string) =>
      answer(api.DELETE("/api/v1/users/me/sessions/{session_id}", { params: { path: { session_id } } })),
    onSettled: known,
  });
  const endOthers = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/users/me/sessions")),
    onSuccess: async () => {
      setAsks(false);
      await known();
    },
  });
  const hasOthers = pages.data?.some(({ current }) => !current) ?? false;
  return (
    <Card title={t("sessions.title")}>
      {!pages.data && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {pages.isPending && <Skeleton lines={3} />}
      {pages.data && (
        <Entries label={t("sessions.title")}>
          {pages.data.map((session) => (
            <Entry
              key={session.id}
              name={session.device}
              lines={[
                session.second_factor
                  ? t("sessions.sinceBoth", { date: format.moment(session.created_at) })
                  : t("sessions.since", { date: format.moment(session.created_at) }),
                t("sessions.until", { date: format.moment(session.expires_at) }),
              ]}
            >
              {session.current ? (
                <Here>{t("sessions.here")}</Here>
              ) : (
                <Button
                  aria-label={t("sessions.endOf", { device: session.device })}
                  isPending={end.isPending && end.variables === session.id}
                  onPress={() => end.mutate(session.id)}
                >
                  {t("sessions.end")}
                </Button>
              )}
            </Entry>
          ))}
        </Entries>
      )}
      <More pages={pages} />
      <ProblemNotice error={end.error} />
      {hasOthers && (
        <div className={form.row}>
          <Button
            onPress={() => {
              endOthers.reset();
              setAsks(true);
            }}
          >
            {t("sessions.endOthers")}
          </Button>
        </div>
      )}
      {asks && (
        <Confirm
          title={t("sessions.endOthersTitle")}
          action={t("sessions.endOthers")}
          isPending={endOthers.isPending}
          error={endOthers.error}
          onConfirm={() => endOthers.mutate()}
          onClose={() => setAsks(false)}
        >
          <p>{t("sessions.endOthersWords")}</p>
        </Confirm>
      )}
    </Card>
  );
}
