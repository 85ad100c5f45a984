import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import { factorsQuery } from "../../session/ConfirmForm";
import { knowsPasskeys } from "../../session/passkey";
import { Entries, Entry } from "./Entries";
import { NewPasskey } from "./NewPasskey";
import { passkeysQuery } from "./queries";

export function Passkeys({ timeZone }: { timeZone: string }) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(passkeysQuery);
  const [adds, setAdds] = useState(false);
  const [leaving, setLeaving] = useState<Schemas["PasskeyOut"] | null>(null);
  const known = async (): Promise<void> => {
    await client.invalidateQueries({ queryKey: passkeysQuery.queryKey });
    await client.invalidateQueries({ queryKey: factorsQuery.queryKey });
  };
  const remove = useMutation({
    mutationFn: (passkey_id: string) =>
      answer(api.DELETE("/api/v1/users/me/passkeys/{passkey_id}", { params: { path: { passkey_id } } })),
    onSuccess: async () => {
      setLeaving(null);
      await known();
    },
  });
  return (
    <Card title={t("passkeys.title")}>
      <p>{t("passkeys.words")}</p>
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      {!data && !error && <Skeleton lines={2} />}
      {data && data.items.length > 0 && (
        <Entries label={t("passkeys.title")}>
          {data.items.map((passkey) => (
            <Entry
              key={passkey.id}
              name={passkey.name}
              lines={[
                t("passkeys.since", { date: format.date(passkey.created_at) }),
                passkey.last_used_at ? t("passkeys.used", { date: format.moment(passkey.last_used_at) }) : t("passkeys.unused"),
              ]}
            >
              <Button
                aria-label={t("passkeys.removeOf", { name: passkey.name })}
                onPress={() => {
                  remove.reset();
                  setLeaving(passkey);
                }}
              >
                {t("passkeys.remove")}
              </Button>
            </Entry>
          ))}
        </Entries>
      )}
      {knowsPasskeys ? (
        <div className={form.row}>
          <Button look={data?.items.length === 0 ? "main" : "plain"} onPress={() => setAdds(true)}>
            {t("passkeys.add")}
          </Button>
        </div>
      ) : (
        <Notice tone="plain">{t("passkeys.unknown")}</Notice>
      )}
      {adds && (
        <NewPasskey
          onClose={() => setAdds(false)}
          onAdded={async () => {
            setAdds(false);
            await known();
          }}
        />
      )}
      {leaving && (
        <Confirm
          title={t("passkeys.removeTitle")}
          action={t("passkeys.remove")}
          isPending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(leaving.id)}
          onClose={() => setLeaving(null)}
        >
          <p>{t("passkeys.removeWords", { name: leaving.name })}</p>
        </Confirm>
      )}
    </Card>
  );
}
