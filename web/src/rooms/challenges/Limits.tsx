import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import css from "./Challenge.module.css";
import { useDuration } from "../../parts/duration";
import type { Challenge } from "./queries";

/** What one should know before one begins. */
export function Limits({ challenge }: { challenge: Challenge }) {
  const { t } = useWords("challenges");
  const format = useFormats();
  const duration = useDuration();
  const { grader, max_attempts: most, retry_wait_seconds: wait, standing } = challenge;
  return (
    <ul className={css.limits}>
      {"pass_score" in grader && <li>{t("limits.pass", { score: format.number(grader.pass_score ?? 0) })}</li>}
      {grader.type === "review" && <li>{t("limits.person")}</li>}
      {grader.type === "self" && <li>{t("limits.self")}</li>}
      <li>
        {most === null
          ? t("limits.endless")
          : t("limits.attempts", { count: most, left: format.number(standing.attempts_left ?? most) })}
      </li>
      {wait !== null && <li>{t("limits.wait", { time: duration(wait) })}</li>}
    </ul>
  );
}
