import { useQuery } from "@tanstack/react-query";

import { domainsQuery } from "../api/queries";
import { useFormats } from "../i18n/formats";
import { useWords } from "../i18n";
import { conditionOf, EVENTS, isKnownEvent, type Condition, type Leaf } from "./condition";
import css from "./ConditionWords.module.css";

/** Says what a badge is earned for; nothing, if that cannot be read. */
export function ConditionWords({ condition }: { condition: unknown }) {
  const read = conditionOf(condition);
  return read && <Part part={read} />;
}

function Part({ part }: { part: Condition }) {
  const { t } = useWords();
  const sentence = useSentenceOf();
  if (!("of" in part) || part.of.every((each) => !("of" in each))) return <p>{sentence(part)}</p>;
  return (
    <div className={css.group}>
      <p>{t(part.type === "all" ? "condition.allOf" : "condition.anyOf")}</p>
      <ul className={css.parts}>
        {part.of.map((each, index) => (
          <li key={index}>
            <Part part={each} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Gives a sentence for each leaf, or for a group of leaves. */
function useSentenceOf(): (part: Condition) => string {
  const { t, language } = useWords();
  const nounOf = useNounOf();
  return (part) => {
    const parts = "of" in part ? part.of : [part];
    const nouns = parts.flatMap((each) => ("of" in each ? [] : [nounOf(each)]));
    const joined = new Intl.ListFormat(language, { type: part.type === "any" ? "disjunction" : "conjunction" });
    return t("condition.sentence", { what: joined.format(nouns) });
  };
}

/** Gives what a leaf asks for: in German in the accusative, so that it fits after "für". */
function useNounOf(): (leaf: Leaf) => string {
  const { t } = useWords();
  const format = useFormats();
  const { data: domains } = useQuery(domainsQuery);
  const nameOf = (slug: string): string => domains?.items.find(({ id }) => id === slug)?.name ?? slug;
  return (leaf) => {
    const side = leaf.not ? "less" : "more";
    if (leaf.type === "xp") {
      const xp = format.number(leaf.threshold);
      if (leaf.domain === undefined) return t(`condition.${side}.xp`, { xp });
      return t(`condition.${side}.xpIn`, { xp, domain: nameOf(leaf.domain) });
    }
    if (leaf.type === "days") return t(`condition.${side}.streak`, { count: leaf.days });
    const many = { count: leaf.count, number: format.number(leaf.count) };
    if (leaf.type === "attempts") {
      const status = leaf.status ?? "graded";
      if (leaf.domain === undefined) return t(`condition.${side}.${status}`, many);
      return t(`condition.${side}.${status}In`, { ...many, domain: nameOf(leaf.domain) });
    }
    if (isKnownEvent(leaf.event)) return t(`condition.${side}.${EVENTS[leaf.event]}`, many);
    return t(`condition.${side}.event`, { ...many, event: leaf.event });
  };
}
