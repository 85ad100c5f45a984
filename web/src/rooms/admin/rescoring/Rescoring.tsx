import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../../../api/client";
import { useTask, type Task } from "../../../api/tasks";
import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { Confirm } from "../../../parts/Confirm";
import { Fact, Facts } from "../../../parts/Facts";
import form from "../../../parts/form.module.css";
import { Notice } from "../../../parts/Notice";
import { Progress } from "../../../parts/Progress";
import text from "../../../parts/text.module.css";
import { USERS } from "../queries";
import { RescoringForm } from "./RescoringForm";

/** Sets many awards right at once: what it would change is seen first. */
export function Component() {
  const { t } = useWords("admin");
  const preview = useMutation({
    mutationFn: (body: Schemas["RescoringIn"]) => answer(api.POST("/api/v1/admin/xp/rescorings", { body })),
  });
  const id = preview.data?.task_execution_id;
  const work = useTask(id);
  return (
    <div className={text.page}>
      <title>{`${t("suite.rescoring")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.rescoring")}</h1>
      <RescoringForm error={preview.error} isPending={preview.isPending} onPreview={(body) => preview.mutate(body)} />
      {id && (
        <Card title={t("rescoring.preview")}>
          <Progress label={t("rescoring.preview")} work={work} />
          {work.task?.state === "succeeded" && <Preview key={id} task={work.task} reason={preview.variables?.reason ?? ""} />}
        </Card>
      )}
    </div>
  );
}

/** What a re-scoring would change, and the way to make that change. */
function Preview({ task, reason }: { task: Task; reason: string }) {
  const { t } = useWords("admin");
  const client = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const apply = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/admin/xp/rescorings/{execution_id}/apply", { params: { path: { execution_id: task.id } } })),
    onSuccess: async () => {
      setAsking(false);
      await client.invalidateQueries({ queryKey: USERS });
    },
  });
  const work = useTask(apply.data?.task_execution_id);
  const isEmpty = figure(task, "entries") === 0;
  return (
    <>
      <Change task={task} />
      {isEmpty && <p>{t("rescoring.nothing")}</p>}
      {!isEmpty && !apply.data && (
        <div className={form.row}>
          <Button look="main" onPress={() => setAsking(true)}>
            {t("rescoring.apply")}
          </Button>
        </div>
      )}
      {apply.data && <Progress label={t("rescoring.apply")} work={work} />}
      {work.task?.state === "succeeded" && <Notice tone="good">{t("rescoring.applied", { count: figure(work.task, "members") })}</Notice>}
      {isAsking && (
        <Confirm
          title={t("rescoring.sure")}
          action={t("rescoring.apply")}
          isPending={apply.isPending}
          error={apply.error}
          onConfirm={() => apply.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>{t("rescoring.sureWords", { count: figure(task, "members"), reason })}</p>
        </Confirm>
      )}
    </>
  );
}

function Change({ task }: { task: Task }) {
  const { t } = useWords("admin");
  const format = useFormats();
  return (
    <Facts>
      {(["entries", "members", "xp_before", "xp_after", "skipped"] as const).map((name) => (
        <Fact key={name} name={t(`rescoring.change.${name}`)}>
          {format.number(figure(task, name))}
        </Fact>
      ))}
    </Facts>
  );
}

function figure({ result }: Task, name: string): number {
  const value = result?.[name];
  return typeof value === "number" ? value : 0;
}
