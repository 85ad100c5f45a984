import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" strokeWidth="1.750" strokeLinejoin="round" strokeLinecap="round" aria-hidden>
      {children}
    </svg>
  );
}

export function DashboardIcon() {
  return (
    <Icon>
      <path d="M4 20V10l8-6 8 6v10M2.500 20h19M9 20v-6h6v6" />
    </Icon>
  );
}

export function SettingsIcon() {
  return (
    <Icon>
      <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
      <circle cx="15" cy="7" r="2.250" />
      <circle cx="9" cy="17" r="2.250" />
    </Icon>
  );
}

export function GoalsIcon() {
  return (
    <Icon>
      <path d="M6 21V4M6 4.500c4-2 8 2 12 0v8c-4 2-8-2-12 0" />
    </Icon>
  );
}

export function ChallengesIcon() {
  return (
    <Icon>
      <path d="M4 3.500 15 15M3.500 4 5 9l8 8M20 3.500 9 15M20.500 4 19 9l-8 8M6.500 14.500l3 3M4 20l3.500-3.500M17.500 14.500l-3 3M20 20l-3.500-3.500" />
    </Icon>
  );
}

export function LeaderboardsIcon() {
  return (
    <Icon>
      <path d="M3 20.500h18M4.500 20v-7h5v7M9.500 20V5h5v15M14.500 20v-10h5v10" />
    </Icon>
  );
}

export function AdminIcon() {
  return (
    <Icon>
      <circle cx="8" cy="8" r="4.500" />
      <path d="m11.200 11.200 9.300 9.300M16 16l2.500-2.500M18.700 18.700l2-2" />
    </Icon>
  );
}
