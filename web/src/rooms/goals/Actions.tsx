import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import { Window } from "../../parts/Window";
import { EditWindow } from "./EditWindow";
import { goalQuery, goalsQuery, useGoalChange, type Goal } from "./queries";

type Asked = "edit" | "abandon" | "remove" | null;

/** What can be done with a goal as a whole. */
export function Actions({ goal }: { goal: Goal }) {
  const { t } = useWords("goals");
  const [asked, setAsked] = useState<Asked>(null);
  const close = (): void => setAsked(null);
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
        <Button onPress={() => setAsked("edit")}>{t("actions.edit")}</Button>
        {goal.status !== "abandoned" && goal.status !== "completed" && (
          <Button onPress={() => setAsked("abandon")}>{t("actions.abandon")}</Button>
        )}
        <Button onPress={() => setAsked("remove")}>{t("actions.remove")}</Button>
      </div>
      {asked === null && <ProblemNotice error={change.error} />}
      {asked === "edit" && <EditWindow goal={goal} onClose={close} />}
      {asked === "abandon" && (
        <Window title={t("actions.abandonTitle")} onClose={close}>
          <p>{t("actions.abandonWords")}</p>
          <ProblemNotice error={change.error} />
          <div className={form.row}>
            <Button look="main" onPress={() => change.mutate({ status: "abandoned" }, { onSuccess: close })} isPending={change.isPending}>
              {t("actions.abandon")}
            </Button>
            <Button onPress={close}>{t("actions.keep")}</Button>
          </div>
        </Window>
      )}
      {asked === "remove" && <RemoveWindow goal={goal} onClose={close} />}
    </>
  );
}

function RemoveWindow({ goal, onClose }: { goal: Goal; onClose: () => void }) {
  const { t } = useWords("goals");
  const client = useQueryClient();
  const goTo = useNavigate();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/goals/{goal_id}", { params: { path: { goal_id: goal.id } } })),
    onSuccess: async () => {
      await goTo("/goals");
      client.removeQueries({ queryKey: goalQuery(goal.id).queryKey });
      void client.invalidateQueries({ queryKey: goalsQuery.queryKey });
      void client.invalidateQueries({ queryKey: ["dashboard"] });
    },
  });
  return (
    <Window title={t("actions.removeTitle")} onClose={onClose}>
      <p>{t("actions.removeWords", { goal: goal.title })}</p>
      <ProblemNotice error={remove.error} />
      <div className={form.row}>
        <Button look="main" onPress={() => remove.mutate()} isPending={remove.isPending}>
          {t("actions.removeSurely")}
        </Button>
        <Button onPress={onClose}>{t("actions.keep")}</Button>
      </div>
    </Window>
  );
}
