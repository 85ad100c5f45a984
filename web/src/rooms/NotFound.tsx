import { useWords } from "../i18n";
import { ButtonLink } from "../parts/Button";
import { Slip } from "../parts/Card";

export function Component() {
  const { t } = useWords();
  return (
    <Slip title={t("notFound.title")}>
      <title>{`${t("notFound.title")} · ${t("hall")}`}</title>
      <p>{t("notFound.words")}</p>
      <ButtonLink look="main" to="/">
        {t("do.home")}
      </ButtonLink>
    </Slip>
  );
}
