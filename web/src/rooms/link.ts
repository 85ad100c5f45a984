const kept = new Map<string, string>();

/**
 * Gives the token of the letter's link that led to this page, "" for none; and takes it out of the
 * address, so that it stays in no history and is in no screenshot.
 */
export function tokenOfLink(): string {
  const found = takeFromLink("token");
  if (found) kept.set(location.pathname, found);
  return kept.get(location.pathname) ?? "";
}

/** Forgets the token of this page's link: it was good once, or never. */
export function forgetToken(): void {
  kept.delete(location.pathname);
}

/** Gives what the address says behind its `#`, "" for nothing; and takes it out of there. */
export function takeFromLink(name: string): string {
  const found = new URLSearchParams(location.hash.slice(1)).get(name);
  if (found) history.replaceState(history.state, "", location.pathname);
  return found ?? "";
}
