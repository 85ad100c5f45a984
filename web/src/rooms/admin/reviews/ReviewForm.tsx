import { useRef } from "react";
import { useForm, useWatch, type Control } from "react-hook-form";

import { asProblem } from "../../../api/problem";
import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { forgetDraft, keptDraft, useDraft } from "../../../parts/draft";
import { Field } from "../../../parts/Field";
import form from "../../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../../parts/Notice";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import { useReview, type Attempt, type Rubric } from "./queries";
import css from "./Reviews.module.css";

const MOST = 100;
const LONGEST_COMMENT = 5000;

interface Values {
  points: string[];
  score: string;
  comment: string;
}

interface ReviewFormProps {
  attempt: Attempt;
  rubric: Rubric;
  /** Unknown where the challenge has been taken away. */
  passScore?: number;
  /** Somebody else has reviewed it meanwhile. */
  isTaken: boolean;
  onGiven: (reviewed: Attempt) => void;
  onNext: () => void;
}

/** Points for each criterion, or a score; what they come to is seen before they are given. */
export function ReviewForm({ attempt, rubric, passScore, isTaken, onGiven, onNext }: ReviewFormProps) {
  const { t } = useWords("admin");
  const me = useMe();
  const review = useReview();
  const own = useRef<HTMLFormElement>(null);
  const draft = `review.${me.id}.${attempt.id}`;
  const values = useForm<Values>({
    defaultValues: keptDraft(draft, { points: rubric.map(() => ""), score: "", comment: "" }),
  });
  useDraft(draft, values);
  const { control } = values;
  const give = values.handleSubmit(async ({ points, score, comment }) => {
    const judged =
      rubric.length > 0
        ? { points: Object.fromEntries(rubric.map(({ criterion }, index) => [criterion, Number(points[index])])) }
        : { score: Number(score) };
    const reviewed = await review.mutateAsync({ attempt, body: { ...judged, comment: comment.trim() || null } }).catch(() => null);
    if (reviewed === null) return;
    forgetDraft(draft);
    onGiven(reviewed);
  });
  const upTo = (most: number) => ({
    required: t("hall:form.required"),
    validate: (value: unknown) => pointsOf(String(value), most) !== null || t("hall:form.wholeNumber", { from: 0, to: most }),
  });
  const isLate = isTaken || (review.error !== null && asProblem(review.error).code === "attempt_not_reviewable");
  return (
    <form
      className={form.form}
      ref={own}
      onSubmit={(event) => void give(event)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) own.current?.requestSubmit();
      }}
      noValidate
    >
      <h3>{t("reviews.yours")}</h3>
      {rubric.length > 0 ? (
        <div className={css.rubric}>
          {rubric.map(({ criterion, points }, index) => (
            <Field
              key={criterion}
              control={control}
              name={`points.${index}`}
              label={criterion}
              why={t("reviews.upTo", { count: points })}
              inputMode="numeric"
              rules={upTo(points)}
            />
          ))}
        </div>
      ) : (
        <Field control={control} name="score" label={t("reviews.score")} why={t("reviews.upTo", { count: MOST })} inputMode="numeric" rules={upTo(MOST)} />
      )}
      <Field
        control={control}
        name="comment"
        label={t("reviews.comment")}
        why={t("reviews.commentWhy")}
        lines={5}
        rules={{ maxLength: { value: LONGEST_COMMENT, message: t("reviews.commentLong", { most: LONGEST_COMMENT }) } }}
      />
      <Outcome control={control} rubric={rubric} passScore={passScore} />
      {isLate ? (
        <Notice tone="plain">
          <p>{t("reviews.taken")}</p>
          <Button onPress={() => (forgetDraft(draft), onNext())}>{t("reviews.next")}</Button>
        </Notice>
      ) : (
        <ProblemNotice error={review.error} />
      )}
      <div className={form.row}>
        <Button look="main" type="submit" isPending={review.isPending} isDisabled={isLate}>
          {t("reviews.give")}
        </Button>
        <span className={text.small}>{t("reviews.keys")}</span>
      </div>
    </form>
  );
}

/** What the points come to, and whether that is a pass. */
function Outcome({ control, rubric, passScore }: { control: Control<Values>; rubric: Rubric; passScore?: number }) {
  const { t } = useWords("admin");
  const format = useFormats();
  const { points, score } = useWatch({ control });
  const each = rubric.length > 0 ? rubric.map((criterion, index) => pointsOf(points?.[index] ?? "", criterion.points)) : [pointsOf(score ?? "", MOST)];
  const isWhole = each.every((part) => part !== null);
  const sum = each.reduce<number>((total, part) => total + (part ?? 0), 0);
  const words = { sum: format.number(sum), pass: format.number(passScore ?? 0) };
  const verdict = !isWhole ? "open" : passScore === undefined ? "unknown" : sum >= passScore ? "passed" : "failed";
  return (
    <output className={css.outcome} data-verdict={verdict}>
      <strong>{t("reviews.sum", words)}</strong> <span>{t(`reviews.verdict.${verdict}`, words)}</span>
    </output>
  );
}

function pointsOf(written: string, most: number): number | null {
  return /^\d{1,3}$/.test(written.trim()) && Number(written) <= most ? Number(written) : null;
}
