import type { ReactNode } from "react";

import css from "./Chip.module.css";

/** A word that marks something: a state, a role. */
export function Chip({ tone = "plain", children }: { tone?: "plain" | "brass" | "good" | "bad"; children: ReactNode }) {
  return (
    <span className={css.chip} data-tone={tone}>
      {children}
    </span>
  );
}
