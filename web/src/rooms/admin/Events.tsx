import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { Confirmed } from "../../parts/Confirmed";
import form from "../../parts/form.module.css";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Admin.module.css";
import { EventEntry, FollowedEvent } from "./EventEntry";
import { EVENT_STATES, eventsQuery } from "./queries";
import { oneOf, useFilters } from "./useFilters";
import { useReplay } from "./useReplay";

/** Events on their way from one part of the hall to another; first of all those that did not arrive. */
export function Component() {
  const { t } = useWords("admin");
  const filters = useFilters();
  const state = oneOf(EVENT_STATES, filters.of("state")) ?? "parked";
  const handler = filters.of("handler");
  const pages = useInfiniteQuery(eventsQuery({ state, ...(handler && { handler }) }));
  const [replayed, setReplayed] = useState<readonly number[]>([]);
  const afterwards = useReplay();
  const events = pages.data;
  return (
    <div className={text.page}>
      <title>{`${t("suite.events")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.events")}</h1>
      <p className={text.soft}>{t("events.words")}</p>
      <div className={css.filters}>
        <Choice
          label={t("events.state")}
          value={state}
          onChange={(event) => filters.set({ state: event.target.value })}
          options={EVENT_STATES.map((each) => [each, t(`events.states.${each}`)] as const)}
        />
      </div>
      {handler && (
        <div className={form.row}>
          <span>{t("events.only", { handler })}</span>
          <Button look="quiet" onPress={() => filters.set({ handler: "" })}>
            {t("events.allHandlers")}
          </Button>
          {state === "parked" && events && events.length > 0 && (
            <Confirmed
              label={t("events.replayAll")}
              title={t("events.replayAllTitle", { handler })}
              run={() => afterwards(answer(api.POST("/api/v1/admin/events/replay", { body: { handler } })))}
              done={t("events.replayedAll")}
            >
              <p>{t("events.replayAllWords")}</p>
            </Confirmed>
          )}
        </div>
      )}
      {replayed.length > 0 && (
        <Card title={t("events.replayed")}>
          <ul className={text.list}>
            {replayed.map((id) => (
              <FollowedEvent key={id} id={id} />
            ))}
          </ul>
        </Card>
      )}
      {!events && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {!events && !pages.error && <Skeleton lines={6} />}
      {events?.length === 0 && (
        <p className={text.soft} role="status">
          {state === "parked" ? t("events.noneParked") : t("events.none")}
        </p>
      )}
      {events && events.length > 0 && (
        <ul className={css.entries}>
          {events.map((event) => (
            <EventEntry
              key={event.id}
              event={event}
              onReplayed={() => setReplayed([event.id, ...replayed.filter((id) => id !== event.id)])}
            />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </div>
  );
}
