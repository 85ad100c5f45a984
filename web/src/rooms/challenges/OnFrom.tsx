import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useWords } from "../../i18n";
import { Card } from "../../parts/Card";
import text from "../../parts/text.module.css";
import css from "./Challenge.module.css";
import { Facts } from "./Facts";
import { challengesQuery, type Challenge } from "./queries";

const SHOWN = 3;

/** Where one can go from here: what this opens, and what is like it. */
export function OnFrom({ challenge }: { challenge: Challenge }) {
  const { t } = useWords("challenges");
  const { data } = useInfiniteQuery(
    challengesQuery({ ...(challenge.domain && { domain: challenge.domain }), state: "open", sort: "right_for_me" }, 2 * SHOWN),
  );
  const similar = data?.filter(({ id }) => id !== challenge.id).slice(0, SHOWN) ?? [];
  return (
    <>
      {challenge.unlocks.length > 0 && (
        <Card title={t("unlocks.title")}>
          <ul className={text.list}>
            {challenge.unlocks.map(({ id, title }) => (
              <li key={id}>
                <Link className={css.way} to={`/challenges/${id}`}>
                  {title}
                </Link>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {similar.length > 0 && (
        <Card title={t("similar.title")}>
          <ul className={text.list}>
            {similar.map((each) => (
              <li key={each.id} className={text.entry}>
                <Link className={css.way} to={`/challenges/${each.id}`}>
                  {each.title}
                </Link>
                <Facts challenge={each} />
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
