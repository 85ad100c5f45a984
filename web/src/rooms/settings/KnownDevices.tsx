import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import { Entries, Entry, Here } from "./Entries";
import { devicesQuery, sessionsQuery } from "./queries";

/** What one has signed in from, with when and where it was last seen. */
export function KnownDevices({ timeZone }: { timeZone: string }) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const client = useQueryClient();
  const pages = useInfiniteQuery(devicesQuery);
  const sessions = useInfiniteQuery(sessionsQuery);
  const here = sessions.data?.find(({ current }) => current)?.device_id;
  const forget = useMutation({
    mutationFn: (device_id: string) =>
      answer(api.DELETE("/api/v1/users/me/devices/{device_id}", { params: { path: { device_id } } })),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: devicesQuery.queryKey });
      await client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    },
  });
  return (
    <Card title={t("known.title")}>
      <p>{t("known.words")}</p>
      {!pages.data && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {pages.isPending && <Skeleton lines={3} />}
      {pages.data && (
        <Entries label={t("known.title")}>
          {pages.data.map((device) => (
            <Entry
              key={device.id}
              name={device.name}
              lines={[
                t("known.seen", { date: format.moment(device.last_seen_at), address: device.address }),
                t("known.since", { date: format.date(device.created_at) }),
              ]}
            >
              {device.id === here ? (
                <Here>{t("sessions.here")}</Here>
              ) : (
                <Button
                  aria-label={t("known.forgetOf", { device: device.name })}
                  isPending={forget.isPending && forget.variables === device.id}
                  onPress={() => forget.mutate(device.id)}
                >
                  {t("known.forget")}
                </Button>
              )}
            </Entry>
          ))}
        </Entries>
      )}
      <More pages={pages} />
      <ProblemNotice error={forget.error} />
    </Card>
  );
}
