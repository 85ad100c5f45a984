import { Link } from "react-router";

import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import { Queue } from "../admin/reviews/Queue";
import css from "./Challenge.module.css";

/** What members handed in to one's own challenges, to be judged. */
export function Component() {
  const { t } = useWords("challenges");
  return (
    <div className={text.page}>
      <title>{`${t("write.toRead")} · ${t("hall:hall")}`}</title>
      <Link className={css.back} to="/challenges?show=mine">
        {t("back")}
      </Link>
      <h1>{t("write.toRead")}</h1>
      <Queue />
    </div>
  );
}
