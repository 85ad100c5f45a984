import { queryOptions, useQuery } from "@tanstack/react-query";

import { problemOf, unreachable } from "../../api/problem";
import { useFormats } from "../../i18n/formats";
import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { Chip } from "../../parts/Chip";
import { Notice, ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useMe } from "../../session/MembersOnly";
import css from "./Admin.module.css";
import { oneOf } from "./useFilters";

const LOOK_AGAIN_MILLISECONDS = 15_000;
const PARTS = ["database", "redis", "worker", "relay", "scheduler"] as const;

interface Part {
  readonly ok: boolean;
  readonly fault?: string;
  readonly last_completed?: string | null;
}

interface Readiness {
  readonly parts: Readonly<Record<string, Part>>;
}

const isReadiness = (body: unknown): body is Readiness =>
  typeof body === "object" && body !== null && "parts" in body && typeof body.parts === "object";

/** What probes are told: not part of the API, and answered with 503 by a hall that lacks something. */
const healthQuery = queryOptions({
  queryKey: ["admin", "health"],
  refetchInterval: LOOK_AGAIN_MILLISECONDS,
  queryFn: async (): Promise<Readiness> => {
    const response = await fetch("/health/ready").catch(() => {
      throw unreachable();
    });
    const body: unknown = await response.json().catch(() => null);
    if (!isReadiness(body)) throw problemOf(body, response);
    return body;
  },
});

/** How the hall's parts are. */
export function Health() {
  const { t } = useWords("admin");
  const format = useFormats(useMe().time_zone);
  const { data: told, error, refetch } = useQuery(healthQuery);
  const data = error ? undefined : told; // What was well a while ago says nothing.
  const parts = Object.entries(data?.parts ?? {});
  const isWell = parts.every(([, part]) => part.ok);
  return (
    <Card title={t("overview.health")}>
      <ProblemNotice error={error} again={() => void refetch()} />
      {!data && !error && <Skeleton lines={3} />}
      {data && <Notice tone={isWell ? "good" : "bad"}>{isWell ? t("overview.well") : t("overview.unwell")}</Notice>}
      <ul className={text.list}>
        {parts.map(([name, part]) => {
          const known = oneOf(PARTS, name);
          return (
            <li key={name} className={text.row}>
              <span className={text.entry}>
                {known ? t(`overview.parts.${known}`) : name}
                {part.fault && <span className={css.soft}>{part.fault}</span>}
                {part.last_completed && (
                  <span className={css.soft}>{t("overview.lastDone", { moment: format.moment(part.last_completed) })}</span>
                )}
              </span>
              <span>
                <Chip tone={part.ok ? "good" : "bad"}>{part.ok ? t("overview.ok") : t("overview.notOk")}</Chip>
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
