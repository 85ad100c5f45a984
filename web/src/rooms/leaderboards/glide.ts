import { useLayoutEffect, useRef, type RefObject } from "react";

interface Spot {
  readonly rank: string | undefined;
  readonly x: number;
  readonly y: number;
}

const GLIDE: KeyframeAnimationOptions = { duration: 400, easing: "ease-out" };

/**
 * Lets a line whose rank has changed glide to its new place, unless the member wants no motion.
 * The list's items say whose they are and where, with `data-member` and `data-rank`.
 */
export function useGlide(list: RefObject<HTMLElement | null>, name: string): void {
  const before = useRef({ name, spots: new Map<string, Spot>() });
  useLayoutEffect(() => {
    const spots = new Map<string, Spot>();
    const mayMove = before.current.name === name && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const item of list.current?.children ?? []) {
      if (!(item instanceof HTMLElement) || item.dataset.member === undefined) continue;
      const spot = { rank: item.dataset.rank, x: item.offsetLeft, y: item.offsetTop };
      const was = before.current.spots.get(item.dataset.member);
      spots.set(item.dataset.member, spot);
      if (mayMove && was && was.rank !== spot.rank) {
        item.animate([{ transform: `translate(${was.x - spot.x}px, ${was.y - spot.y}px)` }, { transform: "none" }], GLIDE);
      }
    }
    before.current = { name, spots };
  });
}
