import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Card } from "../../../parts/Card";
import { Meter } from "../../../parts/Meter";
import { Table } from "../../../parts/Table";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import { useNames } from "./names";
import type { Budget } from "./queries";
import css from "./TokenUsage.module.css";

/** What may still be spent today and this month: by all, for each feature, and by whom most. */
export function Budgets({ budgets }: { budgets: readonly Budget[] }) {
  const { t } = useWords("admin");
  const names = useNames();
  const members = budgets.filter(({ scope }) => scope === "member");
  return (
    <Card title={t("usage.budgets")}>
      <p className={text.soft}>{t("usage.budgetsWhy")}</p>
      <ul className={css.budgets}>
        {budgets
          .filter(({ scope }) => scope !== "member")
          .map((budget) => (
            <li key={`${budget.scope} ${budget.name} ${budget.period}`}>
              <BudgetMeter budget={budget} name={budget.scope === "hall" ? t("usage.wholeHall") : names.feature(budget.name)} />
            </li>
          ))}
      </ul>
      {members.length > 0 && <OfMembers budgets={members} />}
    </Card>
  );
}

function BudgetMeter({ budget, name }: { budget: Budget; name: string }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const taken = budget.spent_micros + budget.reserved_micros;
  const title = t(`usage.budgetOf.${budget.period}`, { name });
  const isStopped = budget.limit_micros === 0;
  const besides = [
    budget.reserved_micros > 0 && t("usage.reserved", { cost: format.cost(budget.reserved_micros) }),
    budget.left_micros !== null && !isStopped && t("usage.remaining", { cost: format.cost(budget.left_micros) }),
    t("usage.resets", { moment: format.moment(budget.resets_at) }),
  ].filter((part) => part !== false);
  return (
    <div className={css.budget}>
      {budget.limit_micros === null ? (
        <p className={css.row}>
          <strong>{title}</strong>
          <span className={text.soft}>{t("usage.noLimit", { spent: format.cost(budget.spent_micros) })}</span>
        </p>
      ) : (
        <Meter
          label={title}
          value={isStopped ? 1 : Math.min(taken, budget.limit_micros)}
          to={isStopped ? 1 : budget.limit_micros}
          words={
            isStopped
              ? t("usage.stopped")
              : t("usage.spentOf", { spent: format.cost(budget.spent_micros), limit: format.cost(budget.limit_micros) })
          }
          figure={<strong>{title}</strong>}
        />
      )}
      <p className={text.small}>{besides.join(" · ")}</p>
    </div>
  );
}

function OfMembers({ budgets }: { budgets: readonly Budget[] }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const names = useNames();
  const head = (["group.member", "period", "spent", "reservedNow", "leftNow", "calls"] as const).map((column) => t(`usage.${column}`));
  return (
    <>
      <h3>{t("usage.ofMembers")}</h3>
      <Table label={t("usage.membersTable")} head={head} hasFigures>
        {budgets.map((budget) => (
          <tr key={`${budget.name} ${budget.period}`}>
            <th scope="row">{names.member(budget.name, budget.username)}</th>
            <td>{t(`usage.of.${budget.period}`)}</td>
            <td>{format.cost(budget.spent_micros)}</td>
            <td>{format.cost(budget.reserved_micros)}</td>
            <td>{budget.left_micros === null ? t("usage.unlimited") : format.cost(budget.left_micros)}</td>
            <td>
              {budget.limit_calls === null
                ? format.number(budget.calls)
                : t("usage.callsOf", { calls: format.number(budget.calls), limit: format.number(budget.limit_calls) })}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
