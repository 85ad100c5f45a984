import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Confirmed } from "../../parts/Confirmed";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import { EditWindow } from "./EditWindow";
import { goalQuery, goalsQuery, useGoalChange, type Goal } from "./queries";

/** What can be done with a goal as a whole. */
export function Actions({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const [isEditing, setEditing] = useState(false);
  const remove = useRemove(goal);
  const change = useGoalChange((body: Schemas["GoalChange"]) =>
    answer(api.PATCH("/api/v1/goals/{goal_id}", { params: { path: { goal_id: goal.id } }, body })),
  );
  return (
    <>
      <div className={form.row}>
        {goal.status === "abandoned" && (
          <Button look="main" onPress={() => change.mutate({ status: "active" })} isPending={change.isPending}>
            {t("actions.takeUp")}
          </Button>
        )}
        <Button onPress={() => setEditing(true)}>{t("actions.edit")}</Button>
        {goal.status !== "abandoned" && goal.status !== "completed" && (
          <Confirmed label={t("actions.abandon")} title={t("actions.abandonTitle")} run={() => change.mutateAsync({ status: "abandoned" })}>
            <p>{t("actions.abandonWords")}</p>
          </Confirmed>
        )}
        <Confirmed label={t("actions.remove")} sure={t("actions.removeSurely")} title={t("actions.removeTitle")} run={remove}>
          <p>{t("actions.removeWords", { goal: goal.title })}</p>
        </Confirmed>
      </div>
      {change.variables?.status === "active" && <ProblemNotice error={change.error} />}
      {isEditing && <EditWindow goal={goal} onClose={() => setEditing(false)} />}
    </>
  );
}

function useRemove(goal: Goal): () => Promise<void> {
  const client = useQueryClient();
  const goTo = useNavigate();
  return async () => {
    await answer(api.DELETE("/api/v1/goals/{goal_id}", { params: { path: { goal_id: goal.id } } }));
    await goTo("/goals");
    client.removeQueries({ queryKey: goalQuery(goal.id).queryKey });
    void client.invalidateQueries({ queryKey: goalsQuery.queryKey });
    void client.invalidateQueries({ queryKey: ["dashboard"] });
  };
}
