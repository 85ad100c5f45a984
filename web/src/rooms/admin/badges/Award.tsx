import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { useTask } from "../../../api/tasks";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { Confirm } from "../../../parts/Confirm";
import form from "../../../parts/form.module.css";
import { Notice } from "../../../parts/Notice";
import { Progress } from "../../../parts/Progress";
import text from "../../../parts/text.module.css";
import { awardToAll, type Badge } from "./queries";

interface AwardProps {
  badge: Badge;
  /** The condition on the page is not the one that is saved. */
  isChanged: boolean;
}

/** Gives a badge to all who have earned it before it was there. What is given is not taken back. */
export function Award({ badge, isChanged }: AwardProps) {
  const { t } = useWords("admin");
  const [isAsking, setAsking] = useState(false);
  const award = useMutation({ mutationFn: () => awardToAll(badge.id), onSuccess: () => setAsking(false) });
  const work = useTask(award.data?.task_execution_id);
  const isUnderWay = award.data !== undefined && work.task?.finished_at == null;
  const given = work.task?.result?.given;
  return (
    <Card title={t("badges.award")}>
      <p className={text.soft}>{t("badges.awardWhy")}</p>
      {isChanged && <p>{t("badges.awardSaved")}</p>}
      <div className={form.row}>
        <Button isDisabled={isChanged} isPending={isUnderWay} onPress={() => setAsking(true)}>
          {t("badges.awardAll")}
        </Button>
      </div>
      {award.data && <Progress label={t("badges.award")} work={work} />}
      {work.task?.state === "succeeded" && <Notice tone="good">{t("badges.given", { count: typeof given === "number" ? given : 0 })}</Notice>}
      {isAsking && (
        <Confirm
          title={t("badges.awardTitle", { name: badge.name })}
          action={t("badges.awardDo")}
          isPending={award.isPending}
          error={award.error}
          onConfirm={() => award.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>{t("badges.awardSure")}</p>
        </Confirm>
      )}
    </Card>
  );
}
