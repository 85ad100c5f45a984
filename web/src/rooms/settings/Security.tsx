import { useQuery } from "@tanstack/react-query";

import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { factorsQuery } from "../../session/ConfirmForm";
import { useMe } from "../../session/MembersOnly";
import { AuthenticatorApp } from "./AuthenticatorApp";
import { Identities } from "./Identities";
import { Passkeys } from "./Passkeys";
import { Password } from "./Password";
import { Room } from "./Room";

export function Component() {
  const { t } = useWords("account");
  const me = useMe();
  const { data: factors, error, refetch } = useQuery(factorsQuery);
  return (
    <Room title={t("security.title")} words={t("security.words")}>
      {factors ? (
        <>
          <AuthenticatorApp factors={factors} />
          <Passkeys timeZone={me.time_zone} />
          <Password hasOne={factors.password} username={me.username} />
          <Identities timeZone={me.time_zone} />
        </>
      ) : error ? (
        <ProblemNotice error={error} again={() => void refetch()} />
      ) : (
        <Card title={t("app.title")}>
          <Skeleton lines={4} />
        </Card>
      )}
    </Room>
  );
}
