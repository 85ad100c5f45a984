/** Gives the instant at which the clocks of a zone show a time, written as `2026-11-21T10:00`. */
export function instantOf(shown: string, timeZone: string): string | undefined {
  const wanted = Date.parse(`${shown}Z`);
  if (Number.isNaN(wanted)) return undefined;
  let at = wanted;
  // The second round is for times on the other side of a change of the clocks.
  for (let round = 0; round < 2; round += 1) at += wanted - clockAt(at, timeZone);
  return new Date(at).toISOString();
}

/** What the clocks of a zone show, as if it were UTC. */
function clockAt(at: number, timeZone: string): number {
  const written = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }).format(at);
  return Date.parse(`${written.replace(" ", "T")}Z`);
}
