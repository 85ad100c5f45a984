import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState, type ReactNode } from "react";
import { Button as Pressable } from "react-aria-components/Button";

import { domainsQuery } from "../api/queries";
import { useWords } from "../i18n";
import { useFormats } from "../i18n/formats";
import css from "./Celebration.module.css";
import { isFestive, type Earned } from "./earned";
import { Heard } from "./Heard";
import { Seal } from "./Seal";
import { useWhy } from "./why";

const SHOWN_MILLISECONDS = 7000;
const FESTIVE_MILLISECONDS = 14_000;
const MOST_BADGES = 3;

/** A slip of paper at the edge of the page, with what was just earned. It goes by itself, and takes no focus. */
export default function Celebration({ earned, onClose }: { earned: Earned; onClose: () => void }): ReactNode {
  const { t } = useWords("progress");
  const format = useFormats();
  const why = useWhy();
  const nameOf = useDomainNames();
  const festive = isFestive(earned);
  const hold = useClosing(earned, festive ? FESTIVE_MILLISECONDS : SHOWN_MILLISECONDS, onClose);
  const xp = format.number(Math.abs(earned.xp));
  const figure = earned.xp < 0 ? t("earned.xpLost", { xp }) : t("earned.xp", { xp });
  const [rank] = earned.ranks;
  const heading =
    earned.level !== null
      ? t("earned.level", { level: earned.level })
      : rank !== undefined
        ? t("earned.rank", { rank: rank.rank, domain: nameOf(rank.domain) })
        : earned.badges[0] && t("earned.badge", { name: earned.badges[0].name });
  const ranks = earned.level === null ? earned.ranks.slice(1) : earned.ranks;
  const badges = earned.level === null && rank === undefined ? earned.badges.slice(1) : earned.badges;
  return (
    <section className={festive ? `${css.slip} ${css.festive}` : css.slip} aria-label={t("earned.label")} {...hold}>
      <Heard earned={earned} nameOf={nameOf} />
      {festive && <Seal earned={earned} />}
      <div className={css.words}>
        {heading && <p className={css.heading}>{heading}</p>}
        {earned.xp !== 0 && (
          <p>
            <strong className={css.xp}>{figure}</strong>
          </p>
        )}
        {earned.xp !== 0 && <Line>{why(earned)}</Line>}
        {ranks.map(({ domain, rank: letter }) => (
          <Line key={domain}>{t("earned.rank", { rank: letter, domain: nameOf(domain) })}</Line>
        ))}
        {badges.slice(0, MOST_BADGES).map(({ slug, name }) => (
          <Line key={slug}>{t("earned.badge", { name })}</Line>
        ))}
        {badges.length > MOST_BADGES && <Line>{t("earned.badges", { count: badges.length - MOST_BADGES })}</Line>}
        {earned.streakDays > 1 && <Line>{t("earned.streak", { count: earned.streakDays })}</Line>}
      </div>
      <Pressable className={css.close} aria-label={t("hall:do.close")} onPress={onClose}>
        <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="1.75" aria-hidden>
          <path d="m6 6 12 12M18 6 6 18" />
        </svg>
      </Pressable>
    </section>
  );
}

function Line({ children }: { children: ReactNode }) {
  return <p className={css.line}>{children}</p>;
}

function useDomainNames(): (slug: string) => string {
  const { data } = useQuery(domainsQuery);
  return (slug) => data?.items.find(({ id }) => id === slug)?.name ?? slug;
}

/** Closes after a while, counted anew when there is more; not while one points at it or has it in focus. */
function useClosing(earned: Earned, milliseconds: number, onClose: () => void) {
  const [isHeld, setHeld] = useState(false);
  const close = useEffectEvent(onClose);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(() => close(), milliseconds);
    return () => clearTimeout(timer);
  }, [earned, isHeld, milliseconds]);
  return {
    onPointerEnter: () => setHeld(true),
    onPointerLeave: () => setHeld(false),
    onFocus: () => setHeld(true),
    onBlur: () => setHeld(false),
  };
}
