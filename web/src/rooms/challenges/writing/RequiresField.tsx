import { useInfiniteQuery } from "@tanstack/react-query";
import { useFormContext, useWatch } from "react-hook-form";

import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Choice } from "../../../parts/Choice";
import text from "../../../parts/text.module.css";
import { challengesQuery, type Challenge } from "../queries";
import type { Written } from "./written";

const OFFERED = 100;
const MOST = 20;

/** The challenges that must be passed first. */
export function RequiresField({ own }: { own?: Challenge }) {
  const { t } = useWords("challenges");
  const { control, setValue } = useFormContext<Written>();
  const requires = useWatch({ control, name: "requires" });
  const domain = useWatch({ control, name: "domain" });
  const { data: near } = useInfiniteQuery(challengesQuery({ ...(domain && { domain }), sort: "oldest" }, OFFERED));
  const { data: mine } = useInfiniteQuery(challengesQuery({ mine: true, sort: "oldest" }, OFFERED));
  const known = new Map<string, string>(
    [...(near ?? []), ...(mine ?? []), ...(own?.prerequisites ?? [])].map(({ id, title }) => [id, title ?? t("locked.draft")]),
  );
  const offered = [...known].filter(([id]) => id !== own?.id && !requires.includes(id));
  const change = (now: string[]): void => setValue("requires", now, { shouldDirty: true });
  return (
    <>
      <Choice
        label={t("requires.title")}
        why={t("write.requiresWhy")}
        options={[["", t("write.addRequired")], ...offered]}
        value=""
        disabled={requires.length >= MOST}
        onChange={({ target }) => change([...requires, target.value])}
      />
      {requires.length > 0 && (
        <ul className={text.list}>
          {requires.map((id) => (
            <li key={id} className={text.row}>
              <span>{known.get(id) ?? id}</span>
              <Button
                aria-label={t("write.removeRequired", { title: known.get(id) ?? id })}
                onPress={() => change(requires.filter((each) => each !== id))}
              >
                {t("write.remove")}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
