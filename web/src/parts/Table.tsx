import type { ReactNode } from "react";

import css from "./Table.module.css";

interface TableProps {
  /** What it lists; heard where it is scrolled. */
  label: string;
  head: readonly ReactNode[];
  children: ReactNode;
  /** It is cut at some height, and scrolled. */
  isLow?: boolean;
  /** All but the first column are numbers. */
  hasFigures?: boolean;
}

/** Figures in rows. Wider than the page, it is scrolled by itself. */
export function Table({ label, head, children, isLow, hasFigures }: TableProps) {
  return (
    <div className={isLow ? `${css.scroll} ${css.low}` : css.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={hasFigures ? `${css.table} ${css.figures}` : css.table}>
        <thead>
          <tr>
            {head.map((name, column) => (
              <th key={column} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
