import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Goal.module.css";
import { lookAgain, reschedulingQuery } from "./queries";
import { Rows } from "./Unplaced";

type Preview = Schemas["ReschedulingOut"];

interface MissedProps {
  /** How many tasks are known to be missed, so that new days can be asked for. */
  missed?: number;
}

/** New days for what was missed, as a preview; nothing where nothing was. */
export function Missed({ missed = 0 }: MissedProps) {
  const { t } = useWords("goals");
  const client = useQueryClient();
  const { data: preview } = useQuery(reschedulingQuery);
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/reschedulings")),
    onSuccess: (found) => client.setQueryData(reschedulingQuery.queryKey, found),
    onError: () => client.invalidateQueries({ queryKey: reschedulingQuery.queryKey }),
  });
  const accept = useMutation({
    mutationFn: (id: string) =>
      answer(api.POST("/api/v1/reschedulings/{rescheduling_id}/accept", { params: { path: { rescheduling_id: id } } })),
    onSettled: () => lookAgain(client),
  });
  if (!preview && missed === 0) {
    return accept.isSuccess ? <Notice tone="good">{t("missed.accepted")}</Notice> : null;
  }
  return (
    <Card title={preview ? t("missed.title") : t("missed.some", { count: missed })} wide>
      {preview ? <NewDays preview={preview} /> : <p>{t("missed.words")}</p>}
      <ProblemNotice error={accept.error ?? ask.error} />
      <div className={form.row}>
        {preview && (
          <Button look="main" onPress={() => accept.mutate(preview.id)} isPending={accept.isPending}>
            {t("missed.accept")}
          </Button>
        )}
        <Button look={preview ? "quiet" : "main"} onPress={() => ask.mutate()} isPending={ask.isPending}>
          {t(preview ? "missed.again" : "missed.ask")}
        </Button>
      </div>
    </Card>
  );
}

function NewDays({ preview }: { preview: Preview }) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <>
      {preview.moves.length > 0 && (
        <>
          <p>{t("missed.found", { count: preview.moves.length })}</p>
          <ul className={css.rows}>
            {preview.moves.map((move) => (
              <li key={move.task_id} className={css.line}>
                <span>{move.title}</span>
                <span className={text.soft}>
                  {move.was_on
                    ? t("change.fromTo", { from: format.shortDay(move.was_on), to: format.shortDay(move.moves_to) })
                    : t("change.to", { to: format.shortDay(move.moves_to) })}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {preview.unplaced.length > 0 && (
        <>
          <p>{t("missed.unplaced", { count: preview.unplaced.length })}</p>
          <details>
            <summary className={css.more}>{t("missed.which")}</summary>
            <Rows unplaced={preview.unplaced} />
          </details>
        </>
      )}
    </>
  );
}
