import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { Link } from "react-router";

import { answer, api } from "../../api/client";
import { challengeQuery, pagesOf } from "../../api/queries";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import { Choices } from "../../parts/Choice";
import form from "../../parts/form.module.css";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { Window } from "../../parts/Window";
import { useGoalChange, type Goal, type Milestone } from "./queries";

interface ProofsProps {
  goal: Goal;
  milestone: Milestone;
}

/** The challenges that prove a milestone, and the way to choose them. */
export function Proofs({ goal, milestone }: ProofsProps) {
  const { t } = useWords("goals");
  const [isChoosing, setIsChoosing] = useState(false);
  const named = useQueries({
    queries: milestone.challenges.map((id) => challengeQuery(id)),
  });
  return (
    <div>
      {milestone.challenges.length > 0 && (
        <>
          <p className={text.soft}>{t("proofs.by")}</p>
          <ul>
            {milestone.challenges.map((id, index) => (
              <li key={id}>
                <Link to={`/challenges/${id}`}>{named[index]?.data?.title ?? t("proofs.unnamed")}</Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {goal.status === "active" && (
        <div className={form.row}>
          <Button look="quiet" onPress={() => setIsChoosing(true)}>
            {t(milestone.challenges.length > 0 ? "proofs.change" : "proofs.choose")}
          </Button>
        </div>
      )}
      {isChoosing && <Choosing goal={goal} milestone={milestone} onClose={() => setIsChoosing(false)} />}
    </div>
  );
}

const challengesQuery = (domain: string | null) =>
  pagesOf(["challenges", "proofs", domain], (cursor) =>
    answer(api.GET("/api/v1/challenges", { params: { query: { limit: 50, cursor, domain, sort: "right_for_me" } } })),
  );

function Choosing({ goal, milestone, onClose }: ProofsProps & { onClose: () => void }) {
  const { t } = useWords("goals");
  const challenges = useInfiniteQuery(challengesQuery(goal.domain));
  const { register, handleSubmit } = useForm({ defaultValues: { chosen: milestone.challenges } });
  const choose = useGoalChange((chosen: string[]) =>
    answer(
      api.PATCH("/api/v1/goals/{goal_id}/milestones/{milestone_id}", {
        params: { path: { goal_id: goal.id, milestone_id: milestone.id } },
        body: { challenges: chosen },
      }),
    ),
  );
  const listed = new Set(challenges.data?.map(({ id }) => id));
  // Those of another field, or further down the list, stay as they are.
  const others = milestone.challenges.filter((id) => !listed.has(id));
  const save = handleSubmit(({ chosen }) =>
    choose.mutate([...others, ...chosen.filter((id) => listed.has(id))], { onSuccess: onClose }),
  );
  return (
    <Window title={t("proofs.title", { milestone: milestone.title })} onClose={onClose} wide>
      <p>{t("proofs.words")}</p>
      {challenges.isPending && <Skeleton lines={4} />}
      {challenges.data?.length === 0 && <p className={text.soft}>{t("proofs.none")}</p>}
      <form className={form.form} onSubmit={(event) => void save(event)}>
        {challenges.data && challenges.data.length > 0 && (
          <Choices
            type="checkbox"
            label={t("proofs.challenges")}
            options={challenges.data.map(({ id, title }) => [id, title] as const)}
            {...register("chosen")}
          />
        )}
        <More pages={challenges} />
        <ProblemNotice error={choose.error ?? (challenges.data ? null : challenges.error)} />
        <div className={form.row}>
          <Button look="main" type="submit" isPending={choose.isPending} isDisabled={!challenges.data}>
            {t("hall:do.save")}
          </Button>
          <Button onPress={onClose}>{t("hall:do.cancel")}</Button>
        </div>
      </form>
    </Window>
  );
}
