const FIRST_MILLISECONDS = 700;
const LONGEST_MILLISECONDS = 5_000;
const SLOWER = 1.4;

interface Watched<Data> {
  readonly state: { readonly data: Data | undefined; readonly dataUpdatedAt: number; readonly errorUpdatedAt: number };
}

/**
 * Gives a `refetchInterval` for what is under way: soon after each change, and less and less often while
 * nothing changes, or the hall does not answer. A page that nobody sees does not ask.
 */
export function whileMoving<Data>(isMoving: (data: Data) => boolean): (query: Watched<Data>) => number | false {
  let pause = FIRST_MILLISECONDS;
  let answered = 0;
  let seen: Data | undefined;
  return ({ state: { data, dataUpdatedAt, errorUpdatedAt } }) => {
    if (data === undefined || !isMoving(data)) return false;
    const now = Math.max(dataUpdatedAt, errorUpdatedAt);
    // Asked more than once about the same answer.
    if (now !== answered) {
      // What has not changed is the same object: queries share structure.
      pause = data === seen ? Math.min(pause * SLOWER, LONGEST_MILLISECONDS) : FIRST_MILLISECONDS;
      [answered, seen] = [now, data];
    }
    return pause;
  };
}
