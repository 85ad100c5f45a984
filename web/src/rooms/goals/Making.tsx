import { useEffect, useState } from "react";

import { answer, api } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useGoalChange, type Goal } from "./queries";

const LONG_MILLISECONDS = 8000;

/** A plan is being made: what goes on meanwhile, and the way to stop it. */
export function Making({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), LONG_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);
  const stop = useGoalChange(() =>
    answer(api.POST("/api/v1/goals/{goal_id}/plan/stop", { params: { path: { goal_id: goal.id } } })),
  );
  return (
    <Card title={t(goal.plan ? "making.again" : "making.title")} wide>
      <div role="status">
        <p>{t("making.words")}</p>
        {isLong && <p className={text.soft}>{t("making.long")}</p>}
      </div>
      <Skeleton lines={3} />
      <ProblemNotice error={stop.error} />
      <div className={form.row}>
        <Button onPress={() => stop.mutate()} isPending={stop.isPending}>
          {t("making.stop")}
        </Button>
      </div>
    </Card>
  );
}
