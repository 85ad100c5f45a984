import { useQuery } from "@tanstack/react-query";

import { domainsQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Choice } from "../../parts/Choice";
import css from "./Challenges.module.css";
import { DIFFICULTIES, tagsQuery } from "./queries";
import { SHOWN, SORTS, useWanted, type Filters as Chosen } from "./wanted";

/** Narrows the list; what is chosen stands in the address. */
export function Filters({ filters }: { filters: Chosen }) {
  const { t } = useWords("challenges");
  const { narrow } = useWanted();
  const { data: domains } = useQuery(domainsQuery);
  const { data: tags } = useQuery(tagsQuery);
  const domainNames = domains?.items.map(({ id, name }) => [id, name] as const) ?? [];
  const tagNames = tags?.items.map(({ tag }) => [tag, tag] as const) ?? [];
  return (
    <search className={css.filters} aria-label={t("filter.label")}>
      <Choice
        label={t("filter.show")}
        options={SHOWN.map((show) => [show === "all" ? "" : show, t(`filter.${show}`)])}
        value={filters.show}
        onChange={({ target }) => narrow({ show: target.value })}
      />
      <Choice
        label={t("filter.domain")}
        options={[["", t("filter.anyDomain")], ...withChosen(domainNames, filters.domain)]}
        value={filters.domain}
        onChange={({ target }) => narrow({ domain: target.value })}
      />
      <Choice
        label={t("filter.difficulty")}
        options={[["", t("filter.anyDifficulty")], ...DIFFICULTIES.map((each) => [each, t(`difficulty.${each}`)] as const)]}
        value={filters.difficulty}
        onChange={({ target }) => narrow({ difficulty: target.value })}
      />
      <Choice
        label={t("filter.tag")}
        options={[["", t("filter.anyTag")], ...withChosen(tagNames, filters.tag)]}
        value={filters.tag}
        onChange={({ target }) => narrow({ tag: target.value })}
      />
      <Choice
        label={t("filter.sort")}
        options={SORTS.map((sort) => [sort === SORTS[0] ? "" : sort, t(`filter.${sort}`)])}
        value={filters.sort}
        onChange={({ target }) => narrow({ sort: target.value })}
      />
    </search>
  );
}

/** A link may ask for what is not on the list. */
function withChosen(names: readonly (readonly [string, string])[], chosen: string): readonly (readonly [string, string])[] {
  return chosen === "" || names.some(([value]) => value === chosen) ? names : [...names, [chosen, chosen]];
}
