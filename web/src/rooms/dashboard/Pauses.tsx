import { useState } from "react";

import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { useFormats } from "../../i18n/formats";
import { Button } from "../../parts/Button";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { PauseWindow } from "./PauseWindow";
import { useRemovePause } from "./queries";
import css from "./Streak.module.css";

const MOST_SHOWN = 4;

/** The latest pauses of the streak, and the way to plan another one. */
export function Pauses({ pauses, today }: { pauses: readonly Schemas["PauseOut"][]; today: string }) {
  const { t } = useWords("progress");
  const [isPlanning, setPlanning] = useState(false);
  return (
    <div className={css.pauses}>
      <h3>{t("pause.title")}</h3>
      <p className={text.soft}>{t("pause.words")}</p>
      {pauses.length > 0 && (
        <ul className={css.list}>
          {pauses.slice(0, MOST_SHOWN).map((pause) => (
            <Pause key={pause.id} pause={pause} />
          ))}
        </ul>
      )}
      <Button onPress={() => setPlanning(true)}>{t("pause.plan")}</Button>
      {isPlanning && <PauseWindow today={today} onClose={() => setPlanning(false)} />}
    </div>
  );
}

function Pause({ pause }: { pause: Schemas["PauseOut"] }) {
  const { t } = useWords("progress");
  const format = useFormats();
  const remove = useRemovePause();
  const days = { from: format.day(pause.starts_on), to: format.day(pause.ends_on) };
  const words = pause.starts_on === pause.ends_on ? days.from : t("pause.days", days);
  return (
    <li>
      <span>{words}</span>
      <Button
        look="quiet"
        aria-label={t("pause.removeOf", { days: words })}
        onPress={() => remove.mutate(pause.id)}
        isPending={remove.isPending}
      >
        {t("pause.remove")}
      </Button>
      <ProblemNotice error={remove.error} />
    </li>
  );
}
