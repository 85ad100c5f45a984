import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { useLive } from "../../live/useLive";

const GATHER_MILLISECONDS = 150;
const PACE_MILLISECONDS = 1000;

/**
 * Has a board follow what the hall tells of it: soon, and the more of it is shown, the less often, as
 * each page of it is a request. A tab that is hidden looks when it is seen again.
 */
export function useMoving(board: string, lines: number, linesAtOnce: number): void {
  const client = useQueryClient();
  const looked = useRef(0);
  const timer = useRef(0);
  const soon = (): void => {
    if (timer.current !== 0) return;
    const pace = PACE_MILLISECONDS * (1 + lines / linesAtOnce);
    const due = Math.max(GATHER_MILLISECONDS, looked.current + pace - Date.now());
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      looked.current = Date.now();
      const refetchType = document.visibilityState === "visible" ? "active" : "none";
      void client.invalidateQueries({ queryKey: ["board", board], refetchType });
    }, due);
  };
  useLive("boards", ({ boards }) => {
    if (boards.includes(board)) soon();
  });
  useLive("hello", soon);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = 0;
    },
    [],
  );
}
