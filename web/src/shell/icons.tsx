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
