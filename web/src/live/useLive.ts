import { useEffect, useEffectEvent } from "react";

import { onLive, type LiveEvent, type LiveNews } from "./news";

/** Has a function called whenever the hall tells that: `useLive("boards", ({ boards }) => …)`. */
export function useLive<Event extends LiveEvent>(event: Event, handler: (news: LiveNews[Event]) => void): void {
  const heard = useEffectEvent(handler);
  useEffect(() => onLive(event, (news) => heard(news)), [event]);
}
