import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useWords } from "../../../i18n";
import { Card, Skeleton } from "../../../parts/Card";
import { Choice } from "../../../parts/Choice";
import { More } from "../../../parts/More";
import { ProblemNotice } from "../../../parts/Notice";
import { useNames } from "./names";
import { linesQuery, type Grouping, type Period } from "./queries";
import css from "./TokenUsage.module.css";
import { UsageTable } from "./UsageTable";

const GROUPINGS: readonly Grouping[] = ["feature", "member", "model", "provider"];

/** The same calls, by what they were made for. */
export function Breakdown({ period }: { period: Period }) {
  const { t } = useWords("admin");
  const names = useNames();
  const [group, setGroup] = useState<Grouping>("feature");
  const lines = useInfiniteQuery(linesQuery(period, group));
  return (
    <Card title={t("usage.breakdown")}>
      <div className={css.period}>
        <Choice
          label={t("usage.by")}
          options={GROUPINGS.map((each) => [each, t(`usage.group.${each}`)])}
          value={group}
          onChange={({ target: { value } }) => setGroup(GROUPINGS.find((each) => each === value) ?? "feature")}
        />
      </div>
      {!lines.data && <ProblemNotice error={lines.error} again={() => void lines.refetch()} />}
      {lines.isPending && <Skeleton lines={4} />}
      {lines.data && (
        <UsageTable label={t("usage.breakdownTable")} name={t(`usage.group.${group}`)} lines={lines.data} nameOf={(line) => names.ofLine(group, line)} />
      )}
      <More pages={lines} />
    </Card>
  );
}
