import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import form from "../../parts/form.module.css";
import { Notice } from "../../parts/Notice";
import { useWanted, type Filters } from "./wanted";

/** Says that nothing is found, and how more would be. */
export function Widen({ filters }: { filters: Filters }) {
  const { t } = useWords("challenges");
  const { narrow, clear } = useWanted();
  const narrowing = (["show", "domain", "difficulty", "tag"] as const).filter((name) => filters[name] !== "");
  if (narrowing.length === 0) return <Notice tone="plain">{t("none.at_all")}</Notice>;
  if (narrowing.length === 1 && filters.show === "mine") return <Notice tone="plain">{t("none.mine")}</Notice>;
  return (
    <Notice tone="plain">
      <p>{t("none.words")}</p>
      <div className={form.row}>
        {narrowing.map((name) => (
          <Button key={name} onPress={() => narrow({ [name]: "" })}>
            {t(`none.${name}`)}
          </Button>
        ))}
        {narrowing.length > 1 && <Button onPress={clear}>{t("none.all")}</Button>}
      </div>
    </Notice>
  );
}
