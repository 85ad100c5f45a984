import type { Cause, LiveNews } from "./news";

/** What a member has earned since they last looked, gathered. */
export interface Earned {
  readonly xp: number;
  readonly causes: readonly Cause[];
  readonly causesTotal: number;
  readonly level: number | null;
  readonly ranks: readonly LiveNews["rank"][];
  readonly badges: readonly LiveNews["badge"][];
  readonly streakDays: number;
}

export const NOTHING: Earned = {
  xp: 0,
  causes: [],
  causesTotal: 0,
  level: null,
  ranks: [],
  badges: [],
  streakDays: 0,
};

export function withXp(earned: Earned, { xp, causes, causes_total }: LiveNews["xp"]): Earned {
  return {
    ...earned,
    xp: earned.xp + xp,
    causes: [...earned.causes, ...causes],
    causesTotal: earned.causesTotal + causes_total,
  };
}

export function withRank(earned: Earned, rank: LiveNews["rank"]): Earned {
  return { ...earned, ranks: [...earned.ranks.filter(({ domain }) => domain !== rank.domain), rank] };
}

export function withBadge(earned: Earned, badge: LiveNews["badge"]): Earned {
  return { ...earned, badges: [...earned.badges, badge] };
}

/** Whether it is more than XP. */
export function isFestive({ level, ranks, badges }: Earned): boolean {
  return level !== null || ranks.length > 0 || badges.length > 0;
}

/** Whether there is something to show: a streak alone is none, it goes with what it was earned by. */
export function isSomething(earned: Earned): boolean {
  return earned.xp !== 0 || isFestive(earned);
}
