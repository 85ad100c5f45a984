import { useWords } from "../../../i18n";

export function Component() {
  const { t } = useWords("admin");
  return (
    <>
      <title>{`${t("suite.badges")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.badges")}</h1>
    </>
  );
}
