import { useWords } from "../../i18n";

export function Component() {
  const { t } = useWords("admin");
  return (
    <>
      <title>{`${t("suite.users")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.users")}</h1>
    </>
  );
}
