import { useRouteError } from "react-router";

import { useWords } from "../i18n";
import { Button } from "../parts/Button";
import { Slip } from "../parts/Card";
import { Notice } from "../parts/Notice";

/** Stands in for a room that fell over, or whose script is not there any more. */
export function Broken() {
  const { t } = useWords();
  const error = useRouteError();
  const isGone = error instanceof TypeError && /import|module|fetch/i.test(error.message);
  return (
    <Slip title={t("problem.title")}>
      <Notice tone="bad">{isGone ? t("problem.chunk") : t("problem.app_broken")}</Notice>
      <Button look="main" onPress={() => location.reload()}>
        {t("problem.load")}
      </Button>
    </Slip>
  );
}
