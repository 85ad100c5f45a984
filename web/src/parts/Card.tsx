import { useId, type ReactNode } from "react";

import css from "./Card.module.css";

export function Card({ title, aside, wide, children }: { title: string; aside?: ReactNode; wide?: boolean; children: ReactNode }) {
  const id = useId();
  return (
    <section className={wide ? `${css.card} ${css.wide}` : css.card} aria-labelledby={id}>
      <header className={css.head}>
        <h2 id={id}>{title}</h2>
        {aside && <p className={css.aside}>{aside}</p>}
      </header>
      {children}
    </section>
  );
}

/** Stands where something will be, in about its size. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className={css.skeleton} data-waiting aria-hidden>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

/** A narrow page with one thing to do. */
export function Slip({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={css.slip}>
      <h1>{title}</h1>
      {children}
    </div>
  );
}
