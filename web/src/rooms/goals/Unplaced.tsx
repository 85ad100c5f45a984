import { Button as Pressable } from "react-aria-components/Button";

import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import css from "./Goal.module.css";
import type { Plan } from "./queries";

const SHOWN_FIRST = 5;

interface UnplacedProps {
  unplaced: Plan["unplaced"];
  onOpen?: (id: string) => void;
}

/** What finds no day, and why. */
export function Unplaced({ unplaced, onOpen }: UnplacedProps) {
  const { t } = useWords("goals");
  if (unplaced.length === 0) return null;
  const rest = unplaced.slice(SHOWN_FIRST);
  return (
    <Card title={t("unplaced.title", { count: unplaced.length })} wide>
      <p className={text.soft}>{t("unplaced.words")}</p>
      <Rows unplaced={unplaced.slice(0, SHOWN_FIRST)} onOpen={onOpen} />
      {rest.length > 0 && (
        <details>
          <summary className={css.more}>{t("unplaced.more", { count: rest.length })}</summary>
          <Rows unplaced={rest} onOpen={onOpen} />
        </details>
      )}
    </Card>
  );
}

/** Each with the reason, as the hall gives it. */
export function Rows({ unplaced, onOpen }: UnplacedProps) {
  return (
    <ul className={css.rows}>
      {unplaced.map((task) => (
        <li key={task.id} className={css.line}>
          {onOpen ? (
            <Pressable className={css.open} onPress={() => onOpen(task.id)}>
              {task.title}
            </Pressable>
          ) : (
            <span>{task.title}</span>
          )}
          <span className={text.soft}>{task.why}</span>
        </li>
      ))}
    </ul>
  );
}
