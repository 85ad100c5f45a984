import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import css from "../../parts/form.module.css";
import { Meter } from "../../parts/Meter";
import { Notice, ProblemNotice } from "../../parts/Notice";
import { saveFile } from "../../parts/saveFile";
import { exportQuery } from "./queries";

const KILOBYTE = 1000;

/** Everything that the hall holds of a member, as a file to take along. */
export function Export({ timeZone }: { timeZone: string }) {
  const { t } = useWords("account");
  const client = useQueryClient();
  const { data: newest, error, refetch, isPending } = useQuery(exportQuery);
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/users/me/export")),
    onSuccess: (asked) => client.setQueryData(exportQuery.queryKey, asked),
  });
  const state = newest?.state;
  const isUnderWay = state === "queued" || state === "running";
  return (
    <Card title={t("export.title")}>
      <p>{t("export.words")}</p>
      {isPending && <Skeleton lines={2} />}
      {newest === undefined && <ProblemNotice error={error} again={() => void refetch()} />}
      {newest && isUnderWay && <Progress of={newest} />}
      {(state === "failed" || state === "cancelled") && <Notice tone="bad">{t("export.failed")}</Notice>}
      {newest && state === "ready" && <Ready file={newest} timeZone={timeZone} />}
      <ProblemNotice error={ask.error} />
      {newest !== undefined && !isUnderWay && (
        <div className={css.row}>
          <Button look={state === "ready" ? "plain" : "main"} onPress={() => ask.mutate()} isPending={ask.isPending}>
            {state === "ready" ? t("export.anew") : t("export.ask")}
          </Button>
        </div>
      )}
    </Card>
  );
}

function Progress({ of: { progress_done, progress_total } }: { of: Schemas["ExportOut"] }) {
  const { t } = useWords("account");
  const words =
    progress_total === null ? t("export.waiting") : t("export.progress", { done: progress_done, count: progress_total });
  return <Meter label={t("export.title")} value={progress_done} to={progress_total ?? 1} words={words} />;
}

function Ready({ file, timeZone }: { file: Schemas["ExportOut"]; timeZone: string }) {
  const { t } = useWords("account");
  const format = useFormats(timeZone);
  const fetchFile = useMutation({
    mutationFn: () => answer(api.GET("/api/v1/users/me/export/download", { parseAs: "blob" })),
    onSuccess: (content) => saveFile(`guildhall-${file.ready_at?.slice(0, 10)}.zip`, content as unknown as Blob),
  });
  return (
    <>
      <Notice tone="good">
        <p>
          {t("export.ready", {
            date: format.moment(file.ready_at ?? file.created_at),
            size: format.number(Math.ceil((file.size_bytes ?? 0) / KILOBYTE)),
          })}
        </p>
        {file.expires_at && <p>{t("export.until", { date: format.moment(file.expires_at) })}</p>}
      </Notice>
      <ProblemNotice error={fetchFile.error} />
      <div className={css.row}>
        <Button look="main" onPress={() => fetchFile.mutate()} isPending={fetchFile.isPending}>
          {t("export.download")}
        </Button>
      </div>
    </>
  );
}
