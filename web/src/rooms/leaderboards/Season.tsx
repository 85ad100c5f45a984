import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { useWords } from "../../i18n";
import { Card, Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { useBoardInAddress } from "./address";
import { BoardChoice, useBoardName } from "./BoardChoice";
import css from "./Boards.module.css";
import { Lines } from "./Lines";
import { seasonQuery } from "./queries";
import { useSeasonName } from "./Seasons";

/** The final boards of a season that is over. */
export function Component() {
  const { t } = useWords("boards");
  const { id = "" } = useParams();
  const name = useSeasonName()(id);
  const { board, choose } = useBoardInAddress();
  const boardName = useBoardName()(board);
  const final = useInfiniteQuery(seasonQuery(id, board));
  const { data: lines, error, refetch } = final;
  return (
    <div className={text.page}>
      <title>{`${name} · ${t("hall:hall")}`}</title>
      <h1>{name}</h1>
      <div className={css.choices}>
        <BoardChoice board={board} onChoose={choose} />
        <Link to="/leaderboards/seasons">{t("seasons.back")}</Link>
      </div>
      <Card title={t("seasons.final", { board: boardName })}>
        {!lines && <ProblemNotice error={error} again={() => void refetch()} />}
        {!lines && !error && <Skeleton lines={8} />}
        {lines?.length === 0 && <p className={text.soft}>{t("seasons.empty")}</p>}
        {lines && lines.length > 0 && <Lines name={`${id} ${board}`} lines={lines} more={<More pages={final} />} />}
      </Card>
    </div>
  );
}
