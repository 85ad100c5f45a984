import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Meter } from "../../parts/Meter";

const STEPS = [
  [0.9, "sure"],
  [0.65, "likely"],
  [0.4, "even"],
  [0.15, "hard"],
  [0, "far"],
] as const;

/** How likely it is that one passes: in words, and as a figure. */
export function Chance({ chance }: { chance: number }) {
  const { t } = useWords("challenges");
  const format = useFormats();
  const step = STEPS.find(([least]) => chance >= least)?.[1] ?? "far";
  const percent = Math.round(chance * 100);
  return <Meter label={t("chance.label")} value={percent} to={100} words={t(`chance.${step}`, { percent: format.number(percent) })} />;
}
