import { useMutation, useQueries } from "@tanstack/react-query";
import { Link } from "react-router";

import { useTask, type Task } from "../../../api/tasks";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import form from "../../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../../parts/Notice";
import { Progress } from "../../../parts/Progress";
import text from "../../../parts/text.module.css";
import { userQuery } from "../queries";
import { tryOnHistory } from "./queries";
import { isSame, type Written } from "./tree";

interface TrialProps {
  condition: Written | undefined;
  onRefused: (error: unknown) => void;
}

/** Tells who would get a badge of this condition, by all that has happened; nobody gets it by that. */
export function Trial({ condition, onRefused }: TrialProps) {
  const { t } = useWords("admin");
  const trial = useMutation({ mutationFn: tryOnHistory, onError: onRefused });
  const work = useTask(trial.data?.task_execution_id);
  const isUnderWay = trial.data !== undefined && work.task?.finished_at == null;
  const isOld = trial.variables !== undefined && !isSame(trial.variables, condition);
  return (
    <Card title={t("badges.trial")}>
      <p className={text.soft}>{t("badges.trialWhy")}</p>
      <div className={form.row}>
        <Button isDisabled={condition === undefined} isPending={trial.isPending || isUnderWay} onPress={() => condition && trial.mutate(condition)}>
          {t("badges.try")}
        </Button>
      </div>
      <ProblemNotice error={trial.error} />
      {trial.data && <Progress label={t("badges.trial")} work={work} />}
      {work.task?.state === "succeeded" && <Result task={work.task} isOld={isOld} />}
    </Card>
  );
}

function Result({ task, isOld }: { task: Task; isOld: boolean }) {
  const { t, language } = useWords("admin");
  const { count, sample } = resultOf(task);
  const accounts = useQueries({ queries: sample.map(userQuery) });
  const known = accounts.flatMap(({ data }) => (data ? [data] : []));
  const parts = new Intl.ListFormat(language).formatToParts(known.map(({ id }) => id));
  return (
    <Notice tone={isOld ? "plain" : "good"}>
      <p>{t("badges.wouldGet", { count })}</p>
      {known.length > 0 && (
        <p>
          {t(count > known.length ? "badges.among" : "badges.theyAre")}{" "}
          {parts.map(({ type, value }, index) =>
            type === "literal" ? value : (
              <Link key={index} to={`/admin/users/${value}`}>
                {known.find(({ id }) => id === value)?.username}
              </Link>
            ),
          )}
        </p>
      )}
      {isOld && <p>{t("badges.trialOld")}</p>}
    </Notice>
  );
}

function resultOf({ result }: Task): { count: number; sample: string[] } {
  const { would_get: count, sample } = result ?? {};
  return {
    count: typeof count === "number" ? count : 0,
    sample: Array.isArray(sample) ? sample.filter((id) => typeof id === "string") : [],
  };
}
