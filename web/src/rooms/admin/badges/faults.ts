import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import type { FieldName, Node, Placed } from "./tree";

/** The bounds of numbers, as the hall sets them. */
const MOST = 1_000_000_000;
const MOST_DAYS = 36_500;
const MOST_PARTS = 20;
const DEEPEST = 8;

/** Gives the sentence for what is wrong with a node, or with a field of it. */
export function useFaultOf(faults: readonly Placed[]): (node: Node, field?: FieldName) => string | undefined {
  const { t } = useWords("admin");
  const format = useFormats();
  return (node, field) => {
    const fault = faults.find((each) => each.node === node.id && each.field === field);
    if (fault === undefined) return undefined;
    if (field === "amount") return t("hall:form.wholeNumber", { from: 1, to: format.number(node.kind === "consecutive_days" ? MOST_DAYS : MOST) });
    if (field === "event") return t(node.event === "" ? "badges.fault.noEvent" : "badges.fault.unknownEvent", { event: node.event });
    if (field === undefined && fault.path.endsWith("of")) return t("badges.fault.parts", { most: MOST_PARTS });
    if (fault.path === "" && fault.message.includes("nested")) return t("badges.fault.deep", { most: DEEPEST });
    return fault.message;
  };
}
