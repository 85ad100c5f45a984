import { NavLink, Outlet } from "react-router";

import css from "./Suite.module.css";

interface SuiteProps {
  title: string;
  /** Each room of the suite: its address, and its name. */
  rooms: readonly (readonly [to: string, name: string])[];
}

/** Several rooms behind one door, with the way from each to the others. */
export function Suite({ title, rooms }: SuiteProps) {
  return (
    <div className={css.suite}>
      <nav className={css.nav} aria-label={title}>
        {rooms.map(([to, name]) => (
          <NavLink key={to} className={css.room} to={to} end={rooms.some(([other]) => other.startsWith(`${to}/`))}>
            {name}
          </NavLink>
        ))}
      </nav>
      <div className={css.content}>
        <Outlet />
      </div>
    </div>
  );
}
