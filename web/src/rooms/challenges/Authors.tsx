import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { answer, api } from "../../api/client";
import { challengeQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Button, ButtonLink } from "../../parts/Button";
import { Confirmed } from "../../parts/Confirmed";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import type { Challenge } from "./queries";

/** For those who may change a challenge: whether others see it, and the way to change it. */
export function Authors({ challenge, isOwn }: { challenge: Challenge; isOwn: boolean }) {
  const { t } = useWords("challenges");
  const client = useQueryClient();
  const go = useNavigate();
  const publish = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/challenges/{challenge_id}/publish", { params: { path: { challenge_id: challenge.id } } })),
    onSuccess: () =>
      Promise.all(["challenge", "challenges", "challenge-tags"].map((room) => client.invalidateQueries({ queryKey: [room] }))),
  });
  const remove = async (): Promise<void> => {
    await answer(api.DELETE("/api/v1/challenges/{challenge_id}", { params: { path: { challenge_id: challenge.id } } }));
    await go("/challenges?show=mine");
    client.removeQueries({ queryKey: challengeQuery(challenge.id).queryKey });
    for (const room of ["challenges", "challenge-tags", "dashboard"]) void client.invalidateQueries({ queryKey: [room] });
  };
  return (
    <Notice tone="plain">
      {!challenge.published && <p>{t("draft.words")}</p>}
      {challenge.published && <p>{isOwn ? t("own.words") : t("own.others")}</p>}
      <ProblemNotice error={publish.error} />
      <div className={form.row}>
        <ButtonLink to={`/challenges/${challenge.id}/edit`}>{t("write.change")}</ButtonLink>
        {challenge.published && challenge.grader.type === "review" && (
          <ButtonLink to="/challenges/reviews">{t("write.toRead")}</ButtonLink>
        )}
        {!challenge.published && (
          <Button look="main" onPress={() => publish.mutate()} isPending={publish.isPending}>
            {t("write.publish")}
          </Button>
        )}
        <Confirmed look="quiet" label={t("own.remove")} sure={t("own.removeSure")} title={t("own.removeTitle", { title: challenge.title })} run={remove}>
          <p>{t(challenge.published ? "own.removeWords" : "own.removeDraft")}</p>
        </Confirmed>
      </div>
    </Notice>
  );
}
