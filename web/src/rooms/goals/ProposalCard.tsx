import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import form from "../../parts/form.module.css";
import { Notice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import css from "./Conversation.module.css";
import type { Change, Decision, Proposed } from "./frames";
import type { GoalWords } from "./GoalFields";

interface ProposalCardProps {
  proposal: Proposed;
  decision: Decision | undefined;
  /** What was decided, as long as the hall has not said what came of it. */
  deciding: boolean | undefined;
  onDecide: (isYes: boolean) => void;
  onFill: (words: Partial<GoalWords>) => void;
}

/** Something that the hall proposes; nothing is done before a yes. */
export function ProposalCard({ proposal: { change, summary }, decision, deciding, onDecide, onFill }: ProposalCardProps) {
  const { t } = useWords("goals");
  const isGoal = change.kind === "new_goal";
  return (
    <div className={css.proposal} role="group" aria-label={isGoal ? change.title : summary}>
      {isGoal ? <GoalChange change={change} /> : <p>{summary}</p>}
      {decision?.state === "refused" && <Notice tone="bad">{decision.detail}</Notice>}
      {decision && decision.state !== "refused" && <p className={text.soft}>{t(`talk.${decision.state}`)}</p>}
      {!decision && (
        <div className={form.row}>
          <Button look="main" onPress={() => onDecide(true)} isPending={deciding === true}>
            {t(isGoal ? "talk.setGoal" : "talk.yes")}
          </Button>
          {isGoal && <Button onPress={() => onFill(wordsOf(change))}>{t("talk.changeInForm")}</Button>}
          <Button look="quiet" onPress={() => onDecide(false)} isPending={deciding === false}>
            {t("talk.no")}
          </Button>
        </div>
      )}
    </div>
  );
}

type NewGoal = Extract<Change, { kind: "new_goal" }>;

function GoalChange({ change }: { change: NewGoal }) {
  const { t } = useWords("goals");
  const format = useFormats();
  return (
    <>
      <p className={css.title}>{change.title}</p>
      {change.description && <p>{change.description}</p>}
      <p className={text.soft}>
        {change.minutes_per_day
          ? t("talk.untilDaily", { day: format.day(change.deadline), count: change.minutes_per_day })
          : t("list.until", { day: format.day(change.deadline) })}
      </p>
    </>
  );
}

const wordsOf = (change: NewGoal): Partial<GoalWords> => ({
  title: change.title,
  description: change.description,
  deadline: change.deadline,
  minutes_per_day: change.minutes_per_day?.toString() ?? "",
  domain: change.domain ?? "",
});
