export function PassedIcon() {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden>
      <circle cx="12" cy="12" r="9.500" />
      <path d="m7.500 12.500 3.200 3.200 6-7" />
    </svg>
  );
}

export function FailedIcon() {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden>
      <circle cx="12" cy="12" r="9.500" />
      <path d="m8.500 8.500 7 7m0-7-7 7" />
    </svg>
  );
}

export function LockIcon() {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="1.750" aria-hidden>
      <rect x="4.500" y="10.500" width="15" height="10.500" rx="1.500" />
      <path d="M8 10.500V7.500a4 4 0 0 1 8 0v3" />
    </svg>
  );
}
