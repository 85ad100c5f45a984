import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useForm } from "react-hook-form";

import { useWords } from "../../i18n";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { keptDraft, useDraft } from "../../parts/draft";
import { Field } from "../../parts/Field";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Conversation.module.css";
import type { Decision, Entry, HallMessage } from "./frames";
import type { GoalWords } from "./GoalFields";
import { ProposalCard } from "./ProposalCard";
import { Talk, type TalkState } from "./talk";

interface ConversationProps {
  /** Puts into the form what came of the conversation. */
  onFill: (words: Partial<GoalWords>) => void;
  onGoal: (goalId: string) => void;
}

/** A goal is set by talking about it: the hall asks back and proposes, the member says yes or no. */
export function Conversation({ onFill, onGoal }: ConversationProps) {
  const { t, language } = useWords("goals");
  const me = useMe();
  const [talk] = useState(() => new Talk(me.id));
  const state = useSyncExternalStore(talk.subscribe, talk.state);
  useEffect(() => {
    talk.enter();
    return () => talk.leave();
  }, [talk]);
  const goalId = goalOf(state.entries);
  useEffect(() => {
    if (goalId === null) return;
    talk.forget();
    onGoal(goalId);
  }, [talk, goalId, onGoal]);
  const isOffline = state.entries.some((entry) => isOfHall(entry) && entry.provider === "offline");
  return (
    <Card title={t("talk.title")}>
      <p className={text.soft}>{t("talk.words")}</p>
      <Log state={state} talk={talk} onFill={onFill} />
      {isOffline && language !== "en" && <Notice tone="plain">{t("talk.onlyEnglish")}</Notice>}
      {state.isLost && <Notice tone="plain">{t("talk.lost")}</Notice>}
      <ProblemNotice error={state.problem} />
      <SayForm talk={talk} state={state} memberId={me.id} />
    </Card>
  );
}

const isOfHall = (entry: Entry): entry is HallMessage => entry.type === "message" && entry.by === "hall";

/** The goal that a yes has set. */
function goalOf(entries: readonly Entry[]): string | null {
  return entries.map((entry) => (entry.type === "decision" ? entry.goal_id : null)).find((id) => id !== null) ?? null;
}

const isAnswered = (seq: number, entries: readonly Entry[]): boolean =>
  entries.some((entry) => "answers" in entry && entry.answers === seq);

/** Whether the hall is at an answer. */
const isAnswering = ({ entries }: TalkState): boolean =>
  entries.some((entry) => entry.type === "message" && entry.by === "member" && !isAnswered(entry.seq, entries));

interface LogProps extends Pick<ConversationProps, "onFill"> {
  state: TalkState;
  talk: Talk;
}

function Log({ state, talk, onFill }: LogProps) {
  const { t } = useWords("goals");
  const end = useRef<HTMLDivElement>(null);
  const length = state.entries.length + state.waiting.length;
  useEffect(() => {
    if (length > 0) end.current?.scrollIntoView({ block: "nearest" });
  }, [length]);
  const decisions = new Map(
    state.entries.filter((entry): entry is Decision => entry.type === "decision").map((entry) => [entry.proposal_id, entry]),
  );
  return (
    <div role="log" aria-label={t("talk.log")} className={css.log}>
      {length === 0 && <p className={css.hall}>{t("talk.hello")}</p>}
      {state.entries.map((entry) => {
        if (entry.type === "decision") return null;
        if (entry.type === "interrupted") {
          return (
            <p key={entry.seq} className={text.small}>
              {t(`talk.${entry.reason}Answer`)}
            </p>
          );
        }
        if (entry.by === "member") {
          return (
            <p key={entry.seq} className={css.mine}>
              <span className="only-heard">{t("talk.you")} </span>
              {entry.text}
            </p>
          );
        }
        return (
          <div key={entry.seq} className={css.hall}>
            <span className="only-heard">{t("talk.hall")} </span>
            <p>{entry.text}</p>
            {entry.notes.map((note) => (
              <p key={note} className={text.small}>
                {note}
              </p>
            ))}
            {entry.proposals.map((proposal) => (
              <ProposalCard
                key={proposal.id}
                proposal={proposal}
                decision={decisions.get(proposal.id)}
                deciding={state.decided[proposal.id]}
                onDecide={(isYes) => talk.decide(proposal.id, isYes)}
                onFill={onFill}
              />
            ))}
            {entry.proposals.length === 0 && <AsForm entry={entry} entries={state.entries} onFill={onFill} />}
          </div>
        );
      })}
      {state.waiting.map(({ clientId, text: said }) => (
        <p key={clientId} className={css.mine} data-waiting-to-arrive>
          {said}
          <span className={css.arriving}>{t("talk.arriving")}</span>
        </p>
      ))}
      {isAnswering(state) && <p className={css.hall}>{t("talk.thinks")}</p>}
      <div ref={end} />
    </div>
  );
}

/** Where talking led to no proposal, the words need not be typed again. */
function AsForm({ entry, entries, onFill }: { entry: HallMessage; entries: readonly Entry[] } & Pick<ConversationProps, "onFill">) {
  const { t } = useWords("goals");
  const said = entries.find(({ seq }) => seq === entry.answers);
  if (said?.type !== "message") return null;
  return (
    <div className={form.row}>
      <Button look="quiet" onPress={() => onFill(said.text.length > 200 ? { description: said.text } : { title: said.text })}>
        {t("talk.intoForm")}
      </Button>
    </div>
  );
}

function SayForm({ talk, state, memberId }: { talk: Talk; state: TalkState; memberId: string }) {
  const { t } = useWords("goals");
  const draft = `talk.${memberId}`;
  const saying = useForm({ defaultValues: keptDraft(draft, { said: "" }) });
  useDraft(draft, saying);
  const send = saying.handleSubmit(({ said }) => {
    talk.say(said.trim());
    // The button cannot keep the focus while the hall is at its answer.
    saying.setFocus("said");
    saying.reset({ said: "" });
  });
  const { getValues, setValue } = saying;
  useEffect(() => {
    if (state.returned === "") return;
    setValue("said", [state.returned, getValues("said")].filter(Boolean).join("\n"));
    talk.takeBack();
  }, [talk, state.returned, getValues, setValue]);
  const answering = isAnswering(state);
  const rules = { required: t("talk.empty"), maxLength: { value: 4000, message: t("form.tooLong", { count: 4000 }) }, validate: (said: string) => said.trim() !== "" || t("talk.empty") };
  return (
    <form className={form.form} onSubmit={(event) => void send(event)} noValidate>
      <Field control={saying.control} name="said" label={t("talk.say")} why={t("talk.example")} lines={3} rules={rules} />
      <div className={form.row}>
        <Button look="main" type="submit" isDisabled={answering}>
          {t("talk.send")}
        </Button>
        {answering && <Button onPress={() => talk.stop()}>{t("talk.stop")}</Button>}
        {state.entries.length > 0 && !answering && (
          <Button look="quiet" onPress={() => talk.forget()}>
            {t("talk.anew")}
          </Button>
        )}
      </div>
    </form>
  );
}
