import { Link } from "react-router";

import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { useMe } from "../../session/MembersOnly";
import { ACTS } from "./acts";
import css from "./Admin.module.css";
import type { AuditEntry as Entry } from "./queries";
import { oneOf } from "./useFilters";
import { Values } from "./Values";

/** Who acts when a script shows the operator's secret. */
const OPERATOR_ID = "00000000-0000-0000-0000-000000000000";

/** One line of the record, with all that is known of it. */
export function AuditEntry({ entry }: { entry: Entry }) {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const known = oneOf(ACTS, entry.action);
  return (
    <li className={css.entry}>
      <div className={css.head}>
        <strong>{known ? t(`audit.acts.${known}`) : entry.action}</strong>
        <time className={css.soft} dateTime={entry.occurred_at}>
          {format.moment(entry.occurred_at)}
        </time>
      </div>
      <p className={css.linkRow}>
        {entry.actor_id && <Who says="by" id={entry.actor_id} name={entry.actor_name} />}
        {entry.target_id && <Who says="about" id={entry.target_id} name={entry.target_name} />}
      </p>
      <details className={css.more}>
        <summary>{t("audit.details")}</summary>
        <Values
          of={{
            ...entry.details,
            [t("audit.code")]: entry.action,
            [t("audit.address")]: entry.address,
            ...(entry.actor_id && { [t("audit.actor")]: entry.actor_id }),
            ...(entry.target_id && { [t("audit.target")]: entry.target_id }),
            [t("audit.request")]: entry.request_id,
          }}
        />
        <p className={css.linkRow}>
          {entry.request_id && <Link to={`?request=${encodeURIComponent(entry.request_id)}`}>{t("audit.sameRequest")}</Link>}
          {entry.address && <Link to={`?address=${encodeURIComponent(entry.address)}`}>{t("audit.sameAddress")}</Link>}
        </p>
      </details>
    </li>
  );
}

function Who({ says, id, name }: { says: "by" | "about"; id: string; name?: string | null }) {
  const { t } = useWords("admin");
  if (id === OPERATOR_ID) return <span>{t(`audit.${says}`, { name: t("audit.operator") })}</span>;
  if (!name) return <span>{t(`audit.${says}`, { name: t("audit.gone") })}</span>;
  return <Link to={`/admin/users/${id}`}>{t(`audit.${says}`, { name })}</Link>;
}
