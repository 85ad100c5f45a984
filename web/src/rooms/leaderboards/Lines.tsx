import { useRef, type ReactNode } from "react";
import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { useGlide } from "./glide";
import css from "./Lines.module.css";
import type { Line } from "./queries";

export const OWN_LINE = "own-line";

/** What the hall writes in the place of a name that there is no more; no member can be called so. */
const WHO_LEFT = "somebody who left";

interface LinesProps {
  /** Which board it is: where another one follows, nothing glides. */
  name: string;
  lines: readonly Line[];
  /** One's own line and its neighbours, for who is not among `lines`. */
  around?: readonly Line[];
  /** The way to the next page: it stands after `lines`. */
  more: ReactNode;
}

/** The lines of a board: the first three on a step of their own, and below them all others. */
export function Lines({ name, lines, around = [], more }: LinesProps) {
  const { t } = useWords("boards");
  const list = useRef<HTMLOListElement>(null);
  useGlide(list, name);
  const last = lines.at(-1)?.rank ?? 0;
  const there = new Set(lines.map(({ user_id }) => user_id));
  const apart = around.filter((line) => line.rank > last && !there.has(line.user_id));
  const all = [...lines, ...apart];
  const isTied = ({ xp, rank }: Line): boolean => all.some((other) => other.xp === xp && Math.abs(other.rank - rank) === 1);
  const show = (line: Line) => <One key={line.user_id} line={line} isTied={isTied(line)} />;
  const isCut = apart.length > 0 && apart[0]?.rank !== last + 1;
  return (
    <>
      {/* Safari takes lists without marks for none, unless they say so. */}
      <ol className={css.lines} role="list" ref={list}>
        {lines.map(show)}
        {apart.length > 0 && <li className={isCut ? css.gap : undefined}>{more}</li>}
        {apart.map(show)}
      </ol>
      {apart.length === 0 && <div className={css.more}>{more}</div>}
      {all.some(isTied) && <p className={text.small}>{t("ties")}</p>}
    </>
  );
}

function One({ line, isTied }: { line: Line; isTied: boolean }) {
  const { t } = useWords("boards");
  const me = useMe();
  const format = useFormats(me.time_zone);
  const isMine = line.user_id === me.id;
  return (
    <li
      className={css.line}
      data-member={line.user_id}
      data-rank={line.rank}
      data-mine={isMine || undefined}
      id={isMine ? OWN_LINE : undefined}
      tabIndex={isMine ? -1 : undefined}
    >
      <span className={css.rank}>
        <span className="only-heard">{t("rank", { rank: format.number(line.rank) })}</span>
        <span aria-hidden>{format.number(line.rank)}</span>
      </span>
      <span className={css.who}>
        {line.username === WHO_LEFT ? (
          <span className={text.soft}>{t("whoLeft")}</span>
        ) : (
          <Link className={css.name} to={`/members/${line.user_id}`}>
            {line.username}
          </Link>
        )}
        {isMine && <strong className={css.you}>{t("you")}</strong>}
        {isTied && <span className={text.small}>{t("reached", { moment: format.moment(line.reached_at) })}</span>}
      </span>
      <span className={css.xp}>{t("hall:dashboard.xp", { xp: format.number(line.xp) })}</span>
    </li>
  );
}
