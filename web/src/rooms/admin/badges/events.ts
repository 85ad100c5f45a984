/** The events that can be counted, and how this room calls them. */
const names = {
  "challenges.attempt_graded": "graded",
  "goals.task_completed": "tasks",
  "goals.goal_completed": "goals",
  "progression.level_reached": "levels",
  "progression.rank_reached": "ranks",
  "progression.badge_earned": "badges",
  "identity.user_registered": "joined",
} as const;

const isKnown = (event: string): event is keyof typeof names => event in names;

export const EVENTS = {
  names,
  isKnown,
  /** All that can be chosen, and one's own choice, even if the hall knows it by that name only. */
  options: (own: string): string[] => [...new Set([...Object.keys(names), own])].filter((event) => event !== ""),
};
