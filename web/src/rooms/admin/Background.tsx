import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { whileMoving } from "../../api/easing";
import { isOver } from "../../api/tasks";
import { useWords } from "../../i18n";
import { Skeleton } from "../../parts/Card";
import { Choice } from "../../parts/Choice";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Admin.module.css";
import { TASK_STATES, tasksQuery } from "./queries";
import { TaskEntry } from "./TaskEntry";
import { oneOf, useFilters } from "./useFilters";

/** What the hall does by and by, and how far it is. */
export function Component() {
  const { t } = useWords("admin");
  const filters = useFilters();
  const query = tasksQuery({ state: oneOf(TASK_STATES, filters.of("state")), routine: filters.of("routine") === "1" });
  const refetchInterval = useMemo(
    () =>
      whileMoving<{ pages: readonly { items: readonly Parameters<typeof isOver>[0][] }[] }>(({ pages }) =>
        pages.some(({ items }) => items.some((task) => !isOver(task))),
      ),
    [],
  );
  const pages = useInfiniteQuery({ ...query, refetchInterval });
  const tasks = pages.data;
  return (
    <div className={text.page}>
      <title>{`${t("suite.background")} · ${t("hall:hall")}`}</title>
      <h1>{t("suite.background")}</h1>
      <div className={css.filters}>
        <Choice
          label={t("background.state")}
          value={filters.of("state")}
          onChange={(event) => filters.set({ state: event.target.value })}
          options={[["", t("filter.any")] as const, ...TASK_STATES.map((state) => [state, t(`background.states.${state}`)] as const)]}
        />
        <Choice
          label={t("background.which")}
          value={filters.of("routine")}
          onChange={(event) => filters.set({ routine: event.target.value })}
          options={[
            ["", t("background.asked")],
            ["1", t("background.routine")],
          ]}
        />
      </div>
      {!tasks && <ProblemNotice error={pages.error} again={() => void pages.refetch()} />}
      {!tasks && !pages.error && <Skeleton lines={6} />}
      {tasks?.length === 0 && (
        <p className={text.soft} role="status">
          {t("background.none")}
        </p>
      )}
      {tasks && tasks.length > 0 && (
        <ul className={css.entries}>
          {tasks.map((task) => (
            <li key={task.id} className={css.entry}>
              <TaskEntry task={task} />
            </li>
          ))}
        </ul>
      )}
      <More pages={pages} />
    </div>
  );
}
