import { queryOptions, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";

import { answer, api, type Schemas } from "../../api/client";
import { asProblem } from "../../api/problem";
import { progressQuery } from "../../api/queries";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Badges } from "../../parts/Badges";
import { ButtonLink } from "../../parts/Button";
import { Skeleton } from "../../parts/Card";
import form from "../../parts/form.module.css";
import { Notice, ProblemNotice } from "../../parts/Notice";
import { Ranks } from "../../parts/Ranks";
import { Seal } from "../../parts/Seal";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Member.module.css";

const memberQuery = (id: string) =>
  queryOptions({
    queryKey: ["member", id],
    queryFn: () => answer(api.GET("/api/v1/users/{user_id}/progress", { params: { path: { user_id: id } } })),
  });

/** What members see of each other, and of themselves as others do. */
export function Component() {
  const { t } = useWords("boards");
  const { id = "" } = useParams();
  const me = useMe();
  const { data: member, error, refetch } = useQuery(memberQuery(id));
  if (error && ["member_not_found", "validation_failed"].includes(asProblem(error).code)) return <Nobody />;
  return (
    <div className={text.page}>
      <title>{`${member?.username ?? t("member.title")} · ${t("hall:hall")}`}</title>
      <h1>{member?.username ?? t("member.title")}</h1>
      {!member && <ProblemNotice error={error} again={() => void refetch()} />}
      {!member && !error && <Skeleton lines={6} />}
      {id === me.id && <Own />}
      {member && <Shown member={member} />}
    </div>
  );
}

function Own() {
  const { t } = useWords("boards");
  const { data } = useQuery(progressQuery);
  if (!data) return null;
  return <Notice tone="plain">{t(data.on_leaderboards ? "member.own" : "member.ownHidden")}</Notice>;
}

function Nobody() {
  const { t } = useWords("boards");
  return (
    <div className={text.page}>
      <title>{`${t("member.nobody")} · ${t("hall:hall")}`}</title>
      <h1>{t("member.nobody")}</h1>
      <p>{t("member.nobodyWords")}</p>
      <div className={form.row}>
        <ButtonLink to="/leaderboards">{t("member.toBoards")}</ButtonLink>
      </div>
    </div>
  );
}

function Shown({ member }: { member: Schemas["PublicProgressOut"] }) {
  const { t } = useWords("boards");
  const format = useFormats();
  const me = useMe();
  return (
    <>
      <div className={css.standing}>
        <Seal level={member.level} />
        <p>
          <strong className={css.figure}>{t("hall:dashboard.xp", { xp: format.number(member.total_xp) })}</strong>
          <span className={text.soft}>{t("hall:dashboard.level", { level: format.number(member.level) })}</span>
        </p>
        <p>
          <strong className={css.figure}>{t("hall:dashboard.days", { count: member.streak_days })}</strong>
          <span className={text.soft}>{t("hall:dashboard.streak")}</span>
        </p>
      </div>
      <div className={css.cards}>
        <Ranks ranks={member.ranks}>{t("member.noRanks")}</Ranks>
        <Badges badges={member.badges} timeZone={me.time_zone}>
          {t("member.noBadges")}
        </Badges>
      </div>
    </>
  );
}
