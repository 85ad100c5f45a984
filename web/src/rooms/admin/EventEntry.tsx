import { useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router";

import { answer, api } from "../../api/client";
import { whileMoving } from "../../api/easing";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Chip } from "../../parts/Chip";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { eventQuery, type HallEvent } from "./queries";
import { useReplay } from "./useReplay";
import { Values } from "./Values";

const TONES = { parked: "bad", waiting: "brass", claimed: "brass", done: "good" } as const;

function EventState({ state }: { state: HallEvent["state"] }) {
  const { t } = useWords("admin");
  return <Chip tone={TONES[state]}>{t(`events.states.${state}`)}</Chip>;
}

/** One event on its way to one reader, and the way to send it once more. */
export function EventEntry({ event, onReplayed }: { event: HallEvent; onReplayed: () => void }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const afterwards = useReplay();
  const replay = useMutation({
    mutationFn: () =>
      afterwards(
        answer(api.POST("/api/v1/admin/events/{event_id}/replay", { params: { path: { event_id: event.id } } })),
      ),
    onSuccess: onReplayed,
  });
  return (
    <li className={css.entry}>
      <div className={css.head}>
        <span className={css.name}>
          <strong>{event.name}</strong>
          <EventState state={event.state} />
        </span>
        <time className={css.soft}>{format.moment(event.finished_at ?? event.available_at)}</time>
      </div>
      <p className={css.linkRow}>
        <Link to={`?state=${event.state}&handler=${encodeURIComponent(event.handler)}`}>
          {t("events.for", { handler: event.handler })}
        </Link>
        <span className={css.soft}>{t("events.tries", { count: event.attempts })}</span>
        {event.subject_id && <Link to={`/admin/users/${event.subject_id}`}>{t("events.subject")}</Link>}
        {event.correlation_id && (
          <Link to={`/admin/audit-log?request=${encodeURIComponent(event.correlation_id)}`}>{t("events.request")}</Link>
        )}
      </p>
      {event.error && <p className={css.error}>{event.error}</p>}
      <details className={css.more}>
        <summary>{t("events.payload")}</summary>
        <Values of={event.payload} />
      </details>
      <ProblemNotice error={replay.error} />
      {event.state === "parked" && (
        <span>
          <Button isPending={replay.isPending} onPress={() => replay.mutate()}>
            {t("events.replay")}
          </Button>
        </span>
      )}
    </li>
  );
}

/** How it goes with an event that was sent once more. */
export function FollowedEvent({ id }: { id: number }) {
  const { t } = useWords("admin");
  const refetchInterval = useMemo(() => whileMoving<HallEvent>(({ state }) => state === "waiting" || state === "claimed"), []);
  const { data: event, error } = useQuery({ ...eventQuery(id), refetchInterval });
  return (
    <li className={text.row} aria-live="polite">
      <span className={text.entry}>{event?.name ?? t("hall:wait")}</span>
      {event && <EventState state={event.state} />}
      {!event && <ProblemNotice error={error} />}
    </li>
  );
}
