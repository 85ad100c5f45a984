import { useQuery } from "@tanstack/react-query";
import { Navigate } from "react-router";

import { useWords } from "../i18n";
import { ButtonLink } from "../parts/Button";
import { meQuery } from "../session/me";
import css from "./Welcome.module.css";

export function Component() {
  const { t } = useWords();
  const { data: me } = useQuery(meQuery);
  if (me) return <Navigate to="/dashboard" replace />;
  return (
    <div className={css.welcome}>
      <title>{t("hall")}</title>
      <section className={css.hero}>
        <h1>{t("welcome.title")}</h1>
        <p className={css.words}>{t("welcome.words")}</p>
        <div className={css.ways}>
          <ButtonLink look="main" to="/sign-up">
            {t("nav.signUp")}
          </ButtonLink>
          <ButtonLink to="/sign-in">{t("nav.signIn")}</ButtonLink>
        </div>
      </section>
      <HallFront />
      <ul className={css.reasons}>
        {(["learn", "plan", "rise"] as const).map((reason) => (
          <li key={reason}>
            <h2>{t(`welcome.${reason}`)}</h2>
            <p>{t(`welcome.${reason}Words`)}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The front of a guild hall: stepped gable, arcade, a lit window for whoever works late. */
function HallFront() {
  const arches = [40, 100, 160, 220, 280];
  return (
    <svg className={css.front} viewBox="0 0 360 300" aria-hidden>
      <path className={css.wall} d="M20 290V130h40v-34h40V62h40V30h80v32h40v34h40v34h40v160z" />
      <path className={css.line} d="M20 290V130h40v-34h40V62h40V30h80v32h40v34h40v34h40v160M6 290h348M20 170h320" />
      <path className={css.brass} d="M180 8v22M180 8l20 6-20 6" />
      <circle className={css.line} cx="180" cy="70" r="16" />
      <path className={css.line} d="M180 70V59M180 70l8 5" />
      {arches.map((x, index) => (
        <g key={x}>
          <path className={index === 2 ? css.door : css.line} d={`M${x} 290v-62a20 20 0 0 1 40 0v62z`} />
          {index > 0 && index < 4 && (
            <path className={index === 3 ? css.lit : css.line} d={`M${x + 8} 150v-30h24v30zM${x + 20} 120v30M${x + 8} 135h24`} />
          )}
        </g>
      ))}
    </svg>
  );
}
