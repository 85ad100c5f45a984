import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./NewGoal.module.css";
import { templatesQuery } from "./queries";

const SHOWN_FIRST = 6;

/** Ways that worked for others, to begin from. */
export function Templates({ onChoose }: { onChoose: (template: Schemas["TemplateOut"]) => void }) {
  const { t } = useWords("goals");
  const { data, error, refetch } = useQuery(templatesQuery);
  const [areAllShown, setAreAllShown] = useState(false);
  if (data?.items.length === 0) return null;
  const shown = areAllShown ? data?.items : data?.items.slice(0, SHOWN_FIRST);
  return (
    <Card title={t("templates.title")}>
      <p className={text.soft}>{t("templates.words")}</p>
      {!data && !error && <Skeleton lines={4} />}
      {!data && <ProblemNotice error={error} again={() => void refetch()} />}
      <ul className={css.templates}>
        {shown?.map((template) => (
          <li key={template.slug} className={css.template}>
            <h3>{template.title}</h3>
            <p className={text.soft}>{template.description}</p>
            <div>
              <Button onPress={() => onChoose(template)} aria-label={t("templates.beginFrom", { template: template.title })}>
                {t("templates.begin")}
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {!areAllShown && data && data.items.length > SHOWN_FIRST && (
        <div className={form.row}>
          <Button look="quiet" onPress={() => setAreAllShown(true)}>
            {t("templates.all", { count: data.items.length })}
          </Button>
        </div>
      )}
    </Card>
  );
}
