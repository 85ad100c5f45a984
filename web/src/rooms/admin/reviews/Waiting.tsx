import type { ComponentProps } from "react";

import { useFormats } from "../../../i18n/formats";
import { useWords } from "../../../i18n";
import { Button } from "../../../parts/Button";
import { Card } from "../../../parts/Card";
import { More } from "../../../parts/More";
import text from "../../../parts/text.module.css";
import { useMe } from "../../../session/MembersOnly";
import type { Attempt } from "./queries";
import css from "./Reviews.module.css";

interface WaitingProps {
  attempts: readonly Attempt[];
  pages: ComponentProps<typeof More>["pages"];
  current: Attempt;
  onChoose: (attempt: Attempt) => void;
}

/** All that waits, to take another one first. */
export function Waiting({ attempts, pages, current, onChoose }: WaitingProps) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const count = attempts.length;
  return (
    <Card title={t("reviews.waiting")} aside={t(pages.hasNextPage ? "reviews.moreThan" : "reviews.many", { count })}>
      <ol className={text.list}>
        {attempts.map((attempt) => {
          const name = attempt.username ?? t("reviews.left");
          const title = attempt.challenge_title ?? t("reviews.attempt");
          return (
            <li key={attempt.id} className={css.waiting} aria-current={attempt.id === current.id || undefined}>
              <span className={text.entry}>
                <strong>{title}</strong>
                <span className={text.small}>
                  {t("reviews.by", { name, moment: format.moment(attempt.submitted_at ?? attempt.started_at) })}
                </span>
              </span>
              {attempt.id === current.id ? (
                <span className={text.soft}>{t("reviews.here")}</span>
              ) : (
                <Button aria-label={t("reviews.openOf", { title, name })} onPress={() => onChoose(attempt)}>
                  {t("reviews.open")}
                </Button>
              )}
            </li>
          );
        })}
      </ol>
      <More pages={pages} />
    </Card>
  );
}
