import { useWords } from "../../../i18n";
import { linesOf, numberIn, type Written } from "./written";

const FULL = 100;

/** What the hall would refuse, said before it is asked. */
export function useRules() {
  const { t } = useWords("challenges");
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const whole = (from: number, to: number) => (value: unknown) =>
    (/^\d+$/.test(text(value)) && Number(value) >= from && Number(value) <= to) || t("hall:form.wholeNumber", { from, to });
  return {
    filled: { validate: (value: unknown) => text(value).trim() !== "" || t("hall:form.required") },
    whole: (from: number, to: number) => ({ validate: whole(from, to) }),
    wholeOrNone: (from: number, to: number) => ({ validate: (value: unknown) => text(value).trim() === "" || whole(from, to)(value) }),
    number: { validate: (value: unknown) => Number.isFinite(numberIn(text(value))) || t("quiz.notANumber") },
    options: { validate: (value: unknown) => linesOf(text(value)).length > 1 || t("write.twoOptions") },
    chosen: { validate: (value: unknown) => ((Array.isArray(value) || typeof value === "string") && value.length > 0) || t("write.chooseRight") },
    rubric: (written: Written) =>
      written.rubric.length === 0 ||
      written.rubric.reduce((sum, { points }) => sum + Number(points), 0) === FULL ||
      t("write.rubricSum", { sum: written.rubric.reduce((sum, { points }) => sum + Number(points), 0) }),
  };
}
