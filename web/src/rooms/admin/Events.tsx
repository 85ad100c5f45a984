import { useWords } from "../../i18n";

export function Component() {
  const { t } = useWords("admin");
  return (
    <>
      <title>{`${t("suite.events")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.events")}</h1>
    </>
  );
}
