import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { challengeQuery } from "../../../api/queries";
import { useWords } from "../../../i18n";
import { Skeleton } from "../../../parts/Card";
import { Notice, ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import css from "../Challenge.module.css";
import { WritingForm } from "./WritingForm";
import { NOTHING, writtenOf } from "./written";

/** Writes a challenge, or changes one. */
export function Component() {
  const { t } = useWords("challenges");
  const { id } = useParams();
  const { data: challenge, error, refetch } = useQuery({ ...challengeQuery(id ?? ""), enabled: id !== undefined });
  const title = id === undefined ? t("write.new") : t("write.changeTitle");
  return (
    <div className={`${text.page} ${text.narrow}`}>
      <title>{`${title} · ${t("hall:hall")}`}</title>
      <Link className={css.back} to={id === undefined ? "/challenges" : `/challenges/${id}`}>
        {challenge?.title ?? t("back")}
      </Link>
      <h1>{title}</h1>
      {id === undefined && <WritingForm name="new" start={NOTHING} />}
      {id !== undefined && !challenge && <ProblemNotice error={error} again={() => void refetch()} />}
      {id !== undefined && !challenge && !error && <Skeleton lines={8} />}
      {challenge && !challenge.secret && <Notice tone="plain">{t("write.notYours")}</Notice>}
      {challenge?.secret && <WritingForm key={challenge.id} name={challenge.id} start={writtenOf(challenge)} challenge={challenge} />}
    </div>
  );
}
