import { useState } from "react";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import form from "../../../parts/form.module.css";
import { Window } from "../../../parts/Window";

/** Throws away what was typed and kept, once that is sure. */
export function StartOver({ onSure }: { onSure: () => void }) {
  const { t } = useWords("challenges");
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <Button look="quiet" onPress={() => setAsking(true)}>
        {t("write.startOver")}
      </Button>
      {isAsking && (
        <Window title={t("write.startOver")} onClose={() => setAsking(false)}>
          <p>{t("write.startOverWords")}</p>
          <div className={form.row}>
            <Button
              look="main"
              onPress={() => {
                onSure();
                setAsking(false);
              }}
            >
              {t("write.startOverSure")}
            </Button>
            <Button onPress={() => setAsking(false)}>{t("hall:do.cancel")}</Button>
          </div>
        </Window>
      )}
    </>
  );
}
