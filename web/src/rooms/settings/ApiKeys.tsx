import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import { Secret } from "../../parts/Secret";
import { Window } from "../../parts/Window";
import { useMe } from "../../session/MembersOnly";
import { ApiKeyEntry } from "./ApiKeyEntry";
import { Entries } from "./Entries";
import { KeyRotation, KeyRevocation } from "./KeyChanges";
import { keysQuery } from "./queries";
import { NewApiKey } from "./NewApiKey";
import { Room } from "./Room";

type ApiKey = Schemas["ApiKeyOut"];
type Asked = { readonly what: "make" } | { readonly what: "rotate" | "revoke"; readonly key: ApiKey };

export function Component() {
  const { t } = useWords("account");
  const { time_zone } = useMe();
  const client = useQueryClient();
  const pages = useInfiniteQuery(keysQuery);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [made, setMade] = useState<Schemas["ApiKeyMade"] | null>(null);
  const done = async (shown: Schemas["ApiKeyMade"] | null): Promise<void> => {
    setAsked(null);
    setMade(shown);
    await client.invalidateQueries({ queryKey: keysQuery.queryKey });
  };
  const close = (): void => setAsked(null);
  return (
    <Room title={t("keys.title")} words={t("keys.words")}>
      <Card title={t("keys.yours")}>
        {!pages.data && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
        {pages.isPending && <Skeleton lines={3} />}
        {pages.data?.length === 0 && <p>{t("keys.none")}</p>}
        {pages.data && pages.data.length > 0 && (
          <Entries label={t("keys.yours")}>
            {pages.data.map((key) => (
              <ApiKeyEntry
                key={key.id}
                apiKey={key}
                timeZone={time_zone}
                onRotate={() => setAsked({ what: "rotate", key })}
                onRevoke={() => setAsked({ what: "revoke", key })}
              />
            ))}
          </Entries>
        )}
        <More pages={pages} />
        <div className={form.row}>
          <Button look="main" onPress={() => setAsked({ what: "make" })}>
            {t("keys.make")}
          </Button>
        </div>
      </Card>
      {asked?.what === "make" && <NewApiKey onMade={done} onClose={close} />}
      {asked?.what === "rotate" && <KeyRotation apiKey={asked.key} onMade={done} onClose={close} />}
      {asked?.what === "revoke" && <KeyRevocation apiKey={asked.key} onRevoked={() => done(null)} onClose={close} />}
      {made && (
        <Window title={t("keys.madeTitle")} isKept onClose={() => setMade(null)}>
          <p>{t("keys.madeWords")}</p>
          <Secret label={made.name} value={made.key} />
          <p>{t("keys.header")}</p>
          <Button look="main" onPress={() => setMade(null)}>
            {t("keys.kept")}
          </Button>
        </Window>
      )}
    </Room>
  );
}
