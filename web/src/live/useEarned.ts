import { useEffect, useEffectEvent, useState } from "react";

import { isSomething, NOTHING, withBadge, withRank, withXp, type Earned } from "./earned";
import { useLive } from "./useLive";

/** Gathers what is earned, until it has been seen: here, or in the tab that one is looking at. */
export function useEarned(memberId: string): { earned: Earned | null; seen: () => void } {
  const [earned, setEarned] = useState(NOTHING);
  const isVisible = useVisibility();
  useLive("xp", (news) => setEarned((before) => withXp(before, news)));
  useLive("level", ({ level }) => setEarned((before) => ({ ...before, level })));
  useLive("rank", (news) => setEarned((before) => withRank(before, news)));
  useLive("badge", (news) => setEarned((before) => withBadge(before, news)));
  useLive("streak", ({ days }) => setEarned((before) => ({ ...before, streakDays: days })));

  const isShown = isVisible && isSomething(earned);
  const seenElsewhere = useEffectEvent(() => !isVisible && setEarned(NOTHING));
  useEffect(() => {
    const tabs = new BroadcastChannel(`guildhall.seen.${memberId}`);
    tabs.onmessage = () => seenElsewhere();
    if (isShown) tabs.postMessage(null);
    return () => tabs.close();
  }, [memberId, isShown, earned]);
  return { earned: isShown ? earned : null, seen: () => setEarned(NOTHING) };
}

function useVisibility(): boolean {
  const [isVisible, setVisible] = useState(document.visibilityState === "visible");
  useEffect(() => {
    const look = (): void => setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return isVisible;
}
