import { useState } from "react";

import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Card } from "../../../parts/Card";
import { Choice } from "../../../parts/Choice";
import { Plot } from "../../../parts/Plot";
import { daysOf } from "./period";
import type { Line, Usage } from "./queries";
import { UsageTable } from "./UsageTable";
import css from "./TokenUsage.module.css";

const MEASURES = ["cost", "tokens", "calls", "failedCalls"] as const;
type Measure = (typeof MEASURES)[number];

/** Each day of the period, as a plot and as a table. */
export function Days({ usage }: { usage: Usage }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const [chosen, choose] = useState<Measure>();
  const measure = chosen ?? (usage.totals.cost_micros > 0 ? "cost" : "tokens");
  const written = measure === "cost" ? format.cost : format.number;
  const lines = new Map(usage.items.map((line) => [line.key, line]));
  const bars = daysOf({ from: usage.since, to: usage.until }).map((day) => ({ day, amount: amountOf(lines.get(day), measure) }));
  const sum = bars.reduce((total, { amount }) => total + amount, 0);
  const name = t(`usage.measure.${measure}`);
  return (
    <Card title={t("usage.byDay")}>
      <div className={css.period}>
        <Choice
          label={t("usage.shown")}
          options={MEASURES.map((each) => [each, t(`usage.measure.${each}`)])}
          value={measure}
          onChange={({ target: { value } }) => choose(MEASURES.find((each) => each === value))}
        />
      </div>
      <Plot bars={bars} summary={t("usage.plot", { name, sum: written(sum), count: bars.length })} amount={written} atLeast={1} />
      <details>
        <summary>{t("usage.dayTable")}</summary>
        <UsageTable label={t("usage.dayTable")} name={t("usage.day")} lines={usage.items.toReversed()} nameOf={({ key }) => format.day(key)} />
      </details>
    </Card>
  );
}

function amountOf(line: Line | undefined, measure: Measure): number {
  if (line === undefined) return 0;
  if (measure === "cost") return line.cost_micros;
  if (measure === "tokens") return line.input_tokens + line.output_tokens;
  return measure === "calls" ? line.calls : line.failed_calls;
}
