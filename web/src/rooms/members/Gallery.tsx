import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { pagesOf, progressQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Coin } from "../../parts/Coin";
import { ConditionWords } from "../../parts/ConditionWords";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Gallery.module.css";

type Badge = Schemas["BadgeOut"];

const badgesQuery = pagesOf(["badges"], (cursor) => answer(api.GET("/api/v1/badges", { params: { query: { cursor } } })));

/** All badges that can be earned, and what for. */
export function Component() {
  const { t } = useWords("boards");
  const badges = useInfiniteQuery(badgesQuery);
  const mine = useQuery(progressQuery);
  const error = badges.error ?? mine.error;
  const again = (): void => void Promise.all([badges.refetch(), mine.refetch()]);
  const since = new Map(mine.data?.badges.map(({ slug, awarded_at }) => [slug, awarded_at]));
  const isReady = badges.data !== undefined && mine.data !== undefined;
  const earned = badges.data?.filter(({ slug }) => since.has(slug)) ?? [];
  const open = badges.data?.filter(({ slug }) => !since.has(slug)) ?? [];
  return (
    <div className={text.page}>
      <title>{`${t("gallery.title")} · ${t("hall:hall")}`}</title>
      <h1>{t("gallery.title")}</h1>
      {!isReady && <ProblemNotice error={error} again={again} />}
      {!isReady && !error && (
        <Card title={t("hall:wait")}>
          <Skeleton lines={6} />
        </Card>
      )}
      {isReady && (
        <>
          <Card title={t("gallery.earned")}>
            {earned.length === 0 && <p className={text.soft}>{t("gallery.noneEarned")}</p>}
            <Shelf badges={earned} since={since} />
          </Card>
          <Card title={t("gallery.open")}>
            {open.length === 0 && <p className={text.soft}>{t("gallery.noneOpen")}</p>}
            <Shelf badges={open} since={since} />
            <More pages={badges} />
          </Card>
        </>
      )}
    </div>
  );
}

function Shelf({ badges, since }: { badges: readonly Badge[]; since: ReadonlyMap<string, string> }) {
  const { t } = useWords("boards");
  const me = useMe();
  const format = useFormats(me.time_zone);
  return (
    <ul className={css.shelf}>
      {badges.map((badge) => {
        const date = since.get(badge.slug);
        return (
          <li key={badge.id} className={css.badge}>
            <Coin isBare={date === undefined} />
            <div className={css.words}>
              <h3>{badge.name}</h3>
              <p>{badge.description}</p>
              <div className={text.small}>
                <ConditionWords condition={badge.condition} />
              </div>
              {date !== undefined && <p className={css.date}>{t("gallery.since", { date: format.date(date) })}</p>}
            </div>
          </li>
        );
      })}
    </ul>
  );
}
