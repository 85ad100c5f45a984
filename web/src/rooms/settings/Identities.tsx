import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import form from "../../parts/form.module.css";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import { useProviders } from "../../session/Providers";
import { Entries, Entry } from "./Entries";
import { identitiesQuery } from "./queries";

/** The accounts elsewhere that let a member in; nothing in a hall that knows none. */
export function Identities({ timeZone }: { timeZone: string }) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const client = useQueryClient();
  const providers = useProviders();
  const pages = useInfiniteQuery(identitiesQuery);
  const [leaving, setLeaving] = useState<Schemas["IdentityOut"] | null>(null);
  const link = useMutation({
    mutationFn: (provider: string) =>
      answer(
        api.POST("/api/v1/users/me/identities/{provider}/link", {
          params: { path: { provider } },
          body: { return_to: "/settings/security" },
        }),
      ),
    onSuccess: ({ url }) => location.assign(url),
  });
  const unlink = useMutation({
    mutationFn: (identity_id: string) =>
      answer(api.DELETE("/api/v1/users/me/identities/{identity_id}", { params: { path: { identity_id } } })),
    onSuccess: async () => {
      setLeaving(null);
      await client.invalidateQueries({ queryKey: identitiesQuery.queryKey });
    },
  });
  const titleOf = ({ provider, issuer }: Schemas["IdentityOut"]): string =>
    providers.find(({ name }) => name === provider)?.title ?? issuer;
  const unlinked = providers.filter(({ name }) => !pages.data?.some(({ provider }) => provider === name));
  if (providers.length === 0 && !pages.data?.length) return null;
  return (
    <Card title={t("identities.title")}>
      <p>{t("identities.words")}</p>
      {!pages.data && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {pages.isPending && <Skeleton lines={2} />}
      {pages.data && pages.data.length > 0 && (
        <Entries label={t("identities.title")}>
          {pages.data.map((identity) => (
            <Entry
              key={identity.id}
              name={titleOf(identity)}
              lines={[
                t("identities.known", { subject: identity.subject }),
                t("identities.seen", { date: format.moment(identity.last_seen_at) }),
              ]}
            >
              <Button
                aria-label={t("identities.unlinkOf", { provider: titleOf(identity) })}
                onPress={() => {
                  unlink.reset();
                  setLeaving(identity);
                }}
              >
                {t("identities.unlink")}
              </Button>
            </Entry>
          ))}
        </Entries>
      )}
      <More pages={pages} />
      <ProblemNotice error={link.error} />
      {unlinked.length > 0 && (
        <div className={form.row}>
          {unlinked.map(({ name, title }) => (
            <Button key={name} onPress={() => link.mutate(name)} isPending={link.isPending && link.variables === name}>
              {t("identities.link", { provider: title })}
            </Button>
          ))}
        </div>
      )}
      {leaving && (
        <Confirm
          title={t("identities.unlinkTitle")}
          action={t("identities.unlink")}
          isPending={unlink.isPending}
          error={unlink.error}
          onConfirm={() => unlink.mutate(leaving.id)}
          onClose={() => setLeaving(null)}
        >
          <p>{t("identities.unlinkWords", { provider: titleOf(leaving) })}</p>
        </Confirm>
      )}
    </Card>
  );
}
