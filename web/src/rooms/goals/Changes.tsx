import type { ReactNode } from "react";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import text from "../../parts/text.module.css";
import { ChosenTasks, type Choice } from "./ChosenTasks";
import css from "./Proposal.module.css";
import { tasksOf, type Plan, type Task } from "./queries";

type Kind = "added" | "moved" | "removed" | "kept";
const SIGN: Readonly<Record<Kind, string>> = { added: "+", moved: "→", removed: "−", kept: "=" };

interface ChangesProps {
  holds: Plan;
  proposed: Plan;
  choice: Choice;
}

/** What a version does to the plan that holds: added, moved, removed, kept. */
export function Changes({ holds, proposed, choice }: ChangesProps) {
  const { t } = useWords("goals");
  const format = useFormats();
  const before = new Map(tasksOf(holds).map((task) => [task.id, task]));
  const after = new Map(tasksOf(proposed).map((task) => [task.id, task]));
  const pick = (ids: readonly string[] | undefined, from: ReadonlyMap<string, Task>): Task[] =>
    (ids ?? []).flatMap((id) => from.get(id) ?? []);
  const change = proposed.change;
  const added = pick(change?.added, after);
  const moved = pick(change?.moved, after);
  const removed = pick(change?.removed, before);
  const kept = pick(change?.kept, after);
  const named = (day: string | null | undefined): string => (day ? format.shortDay(day) : t("timeline.noDay"));
  const fromTo = (task: Task): string =>
    t("change.fromTo", { from: named(before.get(task.id)?.scheduled_on), to: named(task.scheduled_on) });
  return (
    <div className={css.changes}>
      {added.length + moved.length + removed.length === 0 && <p>{t("change.nothing")}</p>}
      <Group kind="added" count={added.length}>
        <ChosenTasks tasks={added} choice={choice} />
      </Group>
      <Group kind="moved" count={moved.length}>
        <ChosenTasks tasks={moved} choice={choice} day={fromTo} />
      </Group>
      <Group kind="removed" count={removed.length}>
        <ul className={css.tasks}>
          {removed.map((task) => (
            <li key={task.id} className={css.task} data-out>
              <span className={css.name}>{task.title}</span>
              <span className={text.small}>{named(task.scheduled_on)}</span>
            </li>
          ))}
        </ul>
      </Group>
      {kept.length > 0 && (
        <details>
          <summary className={css.summary}>
            <Title kind="kept" count={kept.length} />
          </summary>
          <ChosenTasks tasks={kept} choice={choice} />
        </details>
      )}
    </div>
  );
}

function Group({ kind, count, children }: { kind: Kind; count: number; children: ReactNode }) {
  if (count === 0) return null;
  return (
    <section className={css.group}>
      <h3>
        <Title kind={kind} count={count} />
      </h3>
      {children}
    </section>
  );
}

function Title({ kind, count }: { kind: Kind; count: number }) {
  const { t } = useWords("goals");
  return (
    <span className={css.kind} data-kind={kind}>
      <span className={css.sign} aria-hidden>
        {SIGN[kind]}
      </span>
      {t(`change.${kind}`, { count })}
    </span>
  );
}
