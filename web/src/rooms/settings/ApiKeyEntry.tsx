import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Entry } from "./Entries";
import { byKind, useScopeWords } from "./scopes";

interface ApiKeyEntryProps {
  apiKey: Schemas["ApiKeyOut"];
  timeZone: string;
  onRotate: () => void;
  onRevoke: () => void;
}

export function ApiKeyEntry({ apiKey, timeZone, onRotate, onRevoke }: ApiKeyEntryProps) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const inWords = useScopeWords();
  const { name, hint, scopes, created_at, expires_at, revoked_at, last_used_at } = apiKey;
  const isOver = expires_at !== null && new Date(expires_at) <= new Date();
  const hasEnded = isOver || revoked_at !== null;
  const ends =
    revoked_at !== null
      ? t("keys.revokedOn", { date: format.moment(revoked_at) })
      : expires_at === null
        ? t("keys.endless")
        : t(isOver ? "keys.endedOn" : "keys.endsOn", { date: format.moment(expires_at) });
  return (
    <Entry
      name={name}
      hasEnded={hasEnded}
      lines={[
        t("keys.hint", { hint, date: format.date(created_at) }),
        ends,
        last_used_at === null ? t("keys.unused") : t("keys.used", { date: format.moment(last_used_at) }),
        ...byKind(scopes).map(
          ([kind, those]) => those.length > 0 && t(`keys.may.${kind}`, { what: those.map(inWords).join("; ") }),
        ),
      ]}
    >
      {!hasEnded && (
        <>
          <Button aria-label={t("keys.rotateOf", { name })} onPress={onRotate}>
            {t("keys.rotate")}
          </Button>
          <Button aria-label={t("keys.revokeOf", { name })} onPress={onRevoke}>
            {t("keys.revoke")}
          </Button>
        </>
      )}
    </Entry>
  );
}
