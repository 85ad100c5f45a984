import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Choice } from "../../parts/Choice";
import { Confirm } from "../../parts/Confirm";

interface ChangeProps {
  apiKey: Schemas["ApiKeyOut"];
  onClose: () => void;
}

const OVERLAPS = [
  ["86400", "aDay"],
  ["3600", "anHour"],
  ["604800", "aWeek"],
  ["0", "atOnce"],
] as const;

/** Replaces a key by a new one that may do the same. */
export function KeyRotation({ apiKey, onMade, onClose }: ChangeProps & { onMade: (made: Schemas["ApiKeyMade"]) => Promise<void> }) {
  const { t } = useWords("account");
  const [overlap, setOverlap] = useState<string>(OVERLAPS[0][0]);
  const rotate = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/users/me/api-keys/{key_id}/rotate", {
          params: { path: { key_id: apiKey.id } },
          body: { overlap_seconds: Number(overlap) },
        }),
      ),
    onSuccess: onMade,
  });
  return (
    <Confirm title={t("keys.rotateTitle")} action={t("keys.rotate")} isPending={rotate.isPending} error={rotate.error} onConfirm={() => rotate.mutate()} onClose={onClose}>
      <p>{t("keys.rotateWords", { name: apiKey.name })}</p>
      <Choice
        label={t("keys.overlap")}
        why={t("keys.overlapWhy")}
        value={overlap}
        onChange={(event) => setOverlap(event.target.value)}
        options={OVERLAPS.map(([seconds, name]) => [seconds, t(`keys.overlaps.${name}`)])}
      />
    </Confirm>
  );
}

export function KeyRevocation({ apiKey, onRevoked, onClose }: ChangeProps & { onRevoked: () => Promise<void> }) {
  const { t } = useWords("account");
  const revoke = useMutation({
    mutationFn: () =>
      answer(api.DELETE("/api/v1/users/me/api-keys/{key_id}", { params: { path: { key_id: apiKey.id } } })),
    onSuccess: onRevoked,
  });
  return (
    <Confirm title={t("keys.revokeTitle")} action={t("keys.revoke")} isPending={revoke.isPending} error={revoke.error} onConfirm={() => revoke.mutate()} onClose={onClose}>
      <p>{t("keys.revokeWords", { name: apiKey.name })}</p>
    </Confirm>
  );
}
