import { useState } from "react";

import { answer, api } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { Changes } from "./Changes";
import { ChosenTasks, type Choice } from "./ChosenTasks";
import css from "./Proposal.module.css";
import { tasksOf, useGoalChange, type Goal, type Plan, type Task } from "./queries";
import { Unplaced } from "./Unplaced";

interface ProposalProps {
  goal: Goal;
  proposed: Plan;
  /** The plan that holds, if one does. */
  holds: Plan | null;
}

/** A version of the plan that waits for an answer: taken whole, without some of it, or not at all. */
export function Proposal({ goal, proposed, holds }: ProposalProps) {
  const { t } = useWords("goals");
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const tasks = tasksOf(proposed);
  const followers = followersOf(tasks, leftOut);
  const choice: Choice = {
    isOut: (id) => leftOut.has(id),
    goesToo: (id) => followers.has(id),
    turn: (id) => setLeftOut((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id])),
  };
  const path = { goal_id: goal.id };
  const accept = useGoalChange(() =>
    answer(
      api.POST("/api/v1/goals/{goal_id}/plan/accept", {
        params: { path },
        body: { version: proposed.version, leave_out: [...leftOut] },
      }),
    ),
  );
  const decline = useGoalChange(() =>
    answer(api.POST("/api/v1/goals/{goal_id}/plan/decline", { params: { path }, body: { version: proposed.version } })),
  );
  const without = leftOut.size + followers.size;
  return (
    <>
      <Card title={t(holds ? "proposal.title" : "proposal.first")} aside={t("proposal.version", { version: proposed.version })} wide>
        <p>{proposed.summary}</p>
        {proposed.notes.map((note) => (
          <p key={note} className={text.soft}>
            {note}
          </p>
        ))}
        <p className={text.soft}>{t("proposal.choose")}</p>
        {holds ? <Changes holds={holds} proposed={proposed} choice={choice} /> : <FirstPlan plan={proposed} choice={choice} />}
        <ProblemNotice error={accept.error ?? decline.error} />
        <div className={form.row}>
          <Button look="main" onPress={() => accept.mutate()} isPending={accept.isPending}>
            {without > 0 ? t("proposal.acceptWithout", { count: without }) : t("proposal.accept")}
          </Button>
          <Button look="quiet" onPress={() => decline.mutate()} isPending={decline.isPending}>
            {t("proposal.decline")}
          </Button>
        </div>
      </Card>
      <Unplaced unplaced={proposed.unplaced} />
    </>
  );
}

function FirstPlan({ plan, choice }: { plan: Plan; choice: Choice }) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <ol className={css.milestones}>
      {plan.milestones.map((milestone, index) => (
        <li key={milestone.id}>
          <details open={index === 0}>
            <summary className={css.summary}>
              <span className={css.title}>{milestone.title}</span>
              <span className={text.small}>
                {milestone.due_on
                  ? t("proposal.tasksUntil", { count: milestone.tasks.length, day: format.day(milestone.due_on) })
                  : t("timeline.tasks", { count: milestone.tasks.length })}
              </span>
            </summary>
            {milestone.evidence && <p className={text.soft}>{t("timeline.evidence", { evidence: milestone.evidence })}</p>}
            <ChosenTasks tasks={milestone.tasks} choice={choice} />
          </details>
        </li>
      ))}
    </ol>
  );
}

/** What depends on tasks that are left out, and so goes with them. */
function followersOf(tasks: readonly Task[], leftOut: ReadonlySet<string>): ReadonlySet<string> {
  const gone = new Set(leftOut);
  let before = -1;
  while (gone.size !== before) {
    before = gone.size;
    for (const { id, depends_on, status } of tasks) {
      if (status !== "done" && depends_on.some((other) => gone.has(other))) gone.add(id);
    }
  }
  return new Set([...gone].filter((id) => !leftOut.has(id)));
}
