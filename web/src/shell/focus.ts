import { useEffect, useRef, type RefObject } from "react";
import { useLocation } from "react-router";

/** Moves the focus to a room that one has gone to, so that it is read out and the next tab is in it. */
export function useFocusOfNewRooms(main: RefObject<HTMLElement | null>): void {
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current !== pathname) main.current?.focus({ preventScroll: true });
    shown.current = pathname;
  }, [main, pathname]);
}

/**
 * When what has the focus in a room is taken away, such as the button of an entry that it deleted, the card that
 * it was in gets it: the next tab is there, and not at the top of the page.
 */
export function useFocusKept(main: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const room = main.current;
    if (!room) return;
    let left: { readonly at: Element; readonly places: readonly HTMLElement[] } | null = null;
    const note = ({ target }: FocusEvent): void => {
      if (!(target instanceof Element)) return;
      if (room.contains(target)) left = { at: target, places: placesOf(target, room) };
      // From a window one comes back.
      else if (!target.closest("[role=dialog], [role=alertdialog]")) left = null;
    };
    const forget = ({ target, relatedTarget }: FocusEvent): void => {
      if (relatedTarget !== null) return;
      // Some browsers tell of it when it is taken away, too.
      queueMicrotask(() => {
        if (target === left?.at && left.at.isConnected && document.activeElement !== target) left = null;
      });
    };
    const keep = (): void => {
      if (left === null || left.at.isConnected || document.activeElement !== document.body) return;
      const place = left.places.find(({ isConnected }) => isConnected);
      left = null;
      if (!place) return;
      if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
      place.focus({ preventScroll: true });
    };
    const watch = new MutationObserver(keep);
    watch.observe(document.body, { childList: true, subtree: true });
    document.addEventListener("focusin", note);
    room.addEventListener("focusout", forget);
    return () => {
      watch.disconnect();
      document.removeEventListener("focusin", note);
      room.removeEventListener("focusout", forget);
    };
  }, [main]);
}

/** The cards that an element is in, from the innermost, and the room. */
function placesOf(target: Element, room: HTMLElement): readonly HTMLElement[] {
  const places: HTMLElement[] = [];
  for (let each = target.closest<HTMLElement>("section"); each && room.contains(each); ) {
    places.push(each);
    each = each.parentElement?.closest<HTMLElement>("section") ?? null;
  }
  return [...places, room];
}
