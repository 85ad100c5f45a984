import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { challengeQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { ButtonLink } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { textIn } from "./answer";
import css from "./Challenge.module.css";
import { Outcome } from "./Outcome";
import { attemptQuery, useAttempt } from "./queries";

/** One attempt as it was handed in, and what came of it. */
export function Component() {
  const { t } = useWords("challenges");
  const { id = "" } = useParams();
  const format = useFormats(useMe().time_zone);
  const { data: known } = useQuery(attemptQuery(id));
  const { data: challenge } = useQuery({ ...challengeQuery(known?.challenge_id ?? ""), enabled: known !== undefined, retry: false });
  const { data: attempt, error, refetch } = useAttempt(id, challenge?.grader.type === "review");
  const given = textIn(attempt?.answer ?? null);
  return (
    <div className={`${text.page} ${text.narrow}`}>
      <title>{`${attempt?.challenge_title ?? t("attempts.title")} · ${t("hall:hall")}`}</title>
      <Link className={css.back} to="/attempts">
        {t("attempts.title")}
      </Link>
      {!attempt && <ProblemNotice error={error} again={() => void refetch()} />}
      {!attempt && !error && <Skeleton lines={6} />}
      {attempt && (
        <>
          <header className={css.head}>
            <h1>{attempt.challenge_title}</h1>
            <p className={text.soft}>
              {attempt.submitted_at
                ? t("attempt.handedIn", { date: format.moment(attempt.submitted_at) })
                : t("attempt.begun", { date: format.moment(attempt.started_at) })}
            </p>
          </header>
          {attempt.status !== "started" && (
            <Card title={t("outcome.title")}>
              <Outcome challenge={challenge} attempt={attempt} />
            </Card>
          )}
          {given !== null && (
            <Card title={t("attempt.yours")}>
              <p className={css.given}>{given}</p>
            </Card>
          )}
          <div className={form.row}>
            <ButtonLink to={`/challenges/${attempt.challenge_id}`}>{t("attempt.toChallenge")}</ButtonLink>
          </div>
        </>
      )}
    </div>
  );
}
