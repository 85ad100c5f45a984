import { Button as Pressable } from "react-aria-components/Button";

import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import css from "./Goal.module.css";
import type { Plan } from "./queries";

/** What finds no day, and why. */
export function Unplaced({ unplaced, onOpen }: { unplaced: Plan["unplaced"]; onOpen?: (id: string) => void }) {
  const { t } = useWords("goals");
  if (unplaced.length === 0) return null;
  return (
    <Card title={t("unplaced.title", { count: unplaced.length })} wide>
      <p className={text.soft}>{t("unplaced.words")}</p>
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
    </Card>
  );
}
