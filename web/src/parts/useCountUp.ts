import { useEffect, useRef, useState } from "react";

const MILLISECONDS = 900;

/** Gives a number that runs up, or down, to where a figure has moved; who wants no motion sees it there at once. */
export function useCountUp(figure: number): number {
  const [shown, setShown] = useState(figure);
  const now = useRef(figure);
  useEffect(() => {
    const show = (value: number): void => setShown((now.current = value));
    const from = now.current;
    if (from === figure) return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches || document.visibilityState === "hidden") {
      show(figure);
      return;
    }
    const began = performance.now();
    let frame = requestAnimationFrame(function step(at) {
      const part = Math.min(1, Math.max(0, at - began) / MILLISECONDS);
      show(Math.round(from + (figure - from) * (1 - (1 - part) ** 3)));
      if (part < 1) frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [figure]);
  return shown;
}
