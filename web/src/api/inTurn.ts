const last = new Map<string, Promise<unknown>>();

/** Asks one thing after another about one and the same: on a slow line a later request could overtake. */
export function inTurn<Answer>(about: string, ask: () => Promise<Answer>): Promise<Answer> {
  const turn = (last.get(about) ?? Promise.resolve()).then(ask, ask);
  last.set(about, turn);
  const over = (): void => {
    if (last.get(about) === turn) last.delete(about);
  };
  turn.then(over, over);
  return turn;
}
