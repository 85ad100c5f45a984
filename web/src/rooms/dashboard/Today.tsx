import { Checkbox } from "react-aria-components/Checkbox";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import { ProblemNotice } from "../../parts/Notice";
import { useTick, type Dashboard } from "./queries";
import css from "./Today.module.css";

/** Today's tasks; ticking one off is doing it. */
export function Today({ userId, today }: { userId: string; today: Dashboard["today"] }) {
  const { t } = useWords();
  const format = useFormats();
  const tick = useTick(userId);
  const isAllDone = today.tasks.length > 0 && today.tasks.every((task) => task.status === "done");
  const amount =
    today.minutes_open > 0
      ? t("dashboard.minutesLeft", { count: today.minutes_open })
      : today.minutes_done > 0 && t("dashboard.minutesDone", { count: today.minutes_done });
  return (
    <Card title={`${t("dashboard.today")}, ${format.longDay(today.date)}`} aside={amount}>
      {today.tasks.length === 0 && <p className={css.nothing}>{t("dashboard.noTasks")}</p>}
      <ul className={css.tasks}>
        {today.tasks.map((task) => (
          <li key={task.id}>
            <Checkbox
              className={css.task}
              isSelected={task.status === "done"}
              onChange={(done) => tick.mutate({ task, done })}
            >
              <svg className={css.box} viewBox="0 0 24 24" width="26" height="26" aria-hidden>
                <rect x="2" y="2" width="20" height="20" rx="3" />
                <path d="m6.500 12.500 4 4 7.500-9" />
              </svg>
              <span className={css.words}>
                <span className={css.title}>{task.title}</span>
                <span className={css.soft}>
                  {t(`kind.${task.kind}`)}, {t("dashboard.minutes", { count: task.minutes })}, {task.goal}
                </span>
              </span>
            </Checkbox>
          </li>
        ))}
      </ul>
      {isAllDone && <p className={css.praise}>{t("dashboard.allDone")}</p>}
      <ProblemNotice error={tick.error} />
    </Card>
  );
}
