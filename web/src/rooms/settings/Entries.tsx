import type { ReactNode } from "react";

import css from "./Entries.module.css";

/** A list of things that one has, each with what can be done about it. */
export function Entries({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={css.entries} aria-label={label}>
      {children}
    </ul>
  );
}

interface EntryProps {
  name: string;
  /** What is to be said about it, a line each. */
  lines: readonly (string | null | undefined | false)[];
  hasEnded?: boolean;
  children?: ReactNode;
}

export function Entry({ name, lines, hasEnded, children }: EntryProps) {
  return (
    <li className={css.entry}>
      <span className={hasEnded ? `${css.words} ${css.ended}` : css.words}>
        <strong>{name}</strong>
        {lines.map((line) => line && <span key={line}>{line}</span>)}
      </span>
      {children && <span className={css.actions}>{children}</span>}
    </li>
  );
}

/** Stands where an entry's actions would, at what one is using just now. */
export function Here({ children }: { children: ReactNode }) {
  return <span className={css.here}>{children}</span>;
}
