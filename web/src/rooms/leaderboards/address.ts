import { useSearchParams } from "react-router";

import { WHOLE_HALL, WINDOWS, type Window } from "./queries";

/** Which board is looked at, and in which window: as the address says. */
export function useBoardInAddress() {
  const [parameters, setParameters] = useSearchParams();
  const board = parameters.get("board") ?? WHOLE_HALL;
  const window = WINDOWS.find((each) => each === parameters.get("window")) ?? "all";
  const choose = (chosen: string): void => setParameters(searchOf(chosen, window), { replace: true });
  return { board, window, choose };
}

export function searchOf(board: string, window: Window): string {
  return new URLSearchParams({
    ...(board !== WHOLE_HALL && { board }),
    ...(window !== "all" && { window }),
  }).toString();
}
