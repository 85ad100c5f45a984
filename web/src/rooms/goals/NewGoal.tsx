import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useForm } from "react-hook-form";
import { useNavigate, useSearchParams } from "react-router";

import type { Schemas } from "../../api/client";
import { useWords } from "../../i18n";
import { keptDraft, useDraft } from "../../parts/draft";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import { Conversation } from "./Conversation";
import { NO_WORDS, type GoalWords } from "./GoalFields";
import { GoalForm } from "./GoalForm";
import css from "./NewGoal.module.css";
import { lookAgain, templatesQuery } from "./queries";
import { Templates } from "./Templates";

/** A new goal, by talking about it, from a template, or by a form, which all fill. */
export function Component() {
  const { t } = useWords("goals");
  const draft = `goal.${useMe().id}`;
  const goTo = useNavigate();
  const client = useQueryClient();
  const place = useRef<HTMLDivElement>(null);
  const form = useForm<GoalWords>({ defaultValues: keptDraft(draft, NO_WORDS) });
  useDraft(draft, form);
  const { setValue, setFocus } = form;
  const fill = useCallback(
    (words: Partial<GoalWords>) => {
      for (const [name, value] of Object.entries(words)) {
        setValue(name as keyof GoalWords, value, { shouldDirty: true, shouldValidate: true });
      }
      place.current?.scrollIntoView({ block: "start" });
      setFocus("title");
    },
    [setValue, setFocus],
  );
  useTemplateAsked(fill);
  const isSet = useCallback(
    (goalId: string) => {
      lookAgain(client);
      void goTo(`/goals/${goalId}`);
    },
    [client, goTo],
  );
  return (
    <div className={text.page}>
      <title>{`${t("new.title")} · ${t("hall:hall")}`}</title>
      <h1>{t("new.title")}</h1>
      <div className={css.ways}>
        <Conversation onFill={fill} onGoal={isSet} />
        <div ref={place}>
          <GoalForm form={form} draft={draft} onGoal={isSet} />
        </div>
      </div>
      <Templates onChoose={(template) => fill(wordsOf(template))} />
    </div>
  );
}

/** Begins from the template that a link names, once. */
function useTemplateAsked(fill: (words: Partial<GoalWords>) => void) {
  const [params, setParams] = useSearchParams();
  const asked = params.get("template");
  const { data } = useQuery({ ...templatesQuery, enabled: asked !== null });
  useEffect(() => {
    if (asked === null || !data) return;
    const template = data.items.find(({ slug }) => slug === asked);
    if (template) fill(wordsOf(template));
    setParams({}, { replace: true, preventScrollReset: true });
  }, [asked, data, fill, setParams]);
}

const wordsOf = ({ title, slug, domain }: Schemas["TemplateOut"]): Partial<GoalWords> => ({
  title,
  template: slug,
  domain: domain ?? "",
});
