import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { challengeQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { Prose } from "../../parts/Prose";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { Authors } from "./Authors";
import css from "./Challenge.module.css";
import { Chance } from "./Chance";
import { Facts } from "./Facts";
import { PassedIcon } from "./icons";
import { Limits } from "./Limits";
import { OnFrom } from "./OnFrom";
import { Requirements } from "./Requirements";
import { Taking } from "./Taking";

export function Component() {
  const { t } = useWords("challenges");
  const { id = "" } = useParams();
  const me = useMe();
  const { data: challenge, error, refetch } = useQuery(challengeQuery(id));
  const isOwn = challenge?.created_by === me.id;
  return (
    <div className={`${text.page} ${text.narrow}`}>
      <title>{`${challenge?.title ?? t("title")} · ${t("hall:hall")}`}</title>
      <Link className={css.back} to="/challenges">
        {t("back")}
      </Link>
      {!challenge && <ProblemNotice error={error} again={() => void refetch()} />}
      {!challenge && !error && <Skeleton lines={8} />}
      {challenge && (
        <>
          <header className={css.head}>
            <h1>{challenge.title}</h1>
            <Facts challenge={challenge} />
            {challenge.passed && (
              <p className={css.passed}>
                <PassedIcon /> {t("passedWith", { score: challenge.standing.best_score })}
              </p>
            )}
            {!challenge.passed && !isOwn && <Chance chance={challenge.chance} />}
          </header>
          {challenge.secret && <Authors challenge={challenge} isOwn={isOwn} />}
          <Card title={t("task")}>
            <Prose>{challenge.description}</Prose>
            <Limits challenge={challenge} />
          </Card>
          {challenge.prerequisites.length > 0 && <Requirements challenge={challenge} />}
          {challenge.published && !isOwn && <Taking key={challenge.id} challenge={challenge} />}
          {challenge.published && <OnFrom challenge={challenge} />}
        </>
      )}
    </div>
  );
}
