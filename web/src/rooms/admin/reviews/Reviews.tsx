import { useWords } from "../../../i18n";
import text from "../../../parts/text.module.css";
import { Queue } from "./Queue";

/** What waits for the judgement of those who keep the hall. */
export function Component() {
  const { t } = useWords("admin");
  return (
    <div className={text.page}>
      <title>{`${t("suite.reviews")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.reviews")}</h1>
      <Queue />
    </div>
  );
}
