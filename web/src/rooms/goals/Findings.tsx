import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { domainsQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import css from "./Goal.module.css";
import { goalsQuery, templatesQuery, type Goal } from "./queries";

/** What the analysis found in a goal, and where its member stands. */
export function Findings({ goal: { findings, rank } }: { goal: Goal }) {
  const { t } = useWords("goals");
  const { data: domains } = useQuery(domainsQuery);
  const nameOf = (id: string): string => domains?.items.find((domain) => domain.id === id)?.name ?? id;
  if (!findings && !rank) return null;
  return (
    <Card title={t("findings.title")} aside={findings && t(findings.provider === "offline" ? "findings.offline" : "findings.model")} wide>
      {findings?.domain && <p>{t("findings.domain", { domain: nameOf(findings.domain) })}</p>}
      {rank && (
        <div>
          <h3>{t("findings.rank", { rank: rank.rank })}</h3>
          <Sentences of={rank.reasons} />
        </div>
      )}
      {findings && (
        <>
          <Part title={t("findings.vague")} of={findings.vague} />
          <Part title={t("findings.missing")} of={findings.missing} />
          <Similar templates={findings.similar_templates} goals={findings.similar_goals} />
          <Part title={t("findings.notes")} of={findings.notes} />
        </>
      )}
    </Card>
  );
}

function Part({ title, of }: { title: string; of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <Sentences of={of} />
    </div>
  );
}

function Sentences({ of }: { of: readonly string[] }) {
  return (
    <ul className={css.bullets}>
      {of.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

function Similar({ templates, goals }: { templates: readonly string[]; goals: readonly string[] }) {
  const { t } = useWords("goals");
  const { data: known } = useQuery({ ...templatesQuery, enabled: templates.length > 0 });
  const { data: mine } = useInfiniteQuery({ ...goalsQuery, enabled: goals.length > 0 });
  const titles = templates.map((slug) => known?.items.find((each) => each.slug === slug)?.title ?? slug);
  const near = (mine ?? []).filter(({ id }) => goals.includes(id));
  return (
    <>
      <Part title={t("findings.templates")} of={titles} />
      {near.length > 0 && (
        <div>
          <h3>{t("findings.goals")}</h3>
          <ul className={text.list}>
            {near.map(({ id, title }) => (
              <li key={id}>
                <Link to={`/goals/${id}`}>{title}</Link>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
