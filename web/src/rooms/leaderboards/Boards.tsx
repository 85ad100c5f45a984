import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useWords } from "../../i18n";
import { ButtonLink } from "../../parts/Button";
import { Card, Skeleton } from "../../parts/Card";
import { More } from "../../parts/More";
import { ProblemNotice } from "../../parts/Notice";
import text from "../../parts/text.module.css";
import { searchOf, useBoardInAddress } from "./address";
import { BoardChoice, useBoardName } from "./BoardChoice";
import css from "./Boards.module.css";
import { Lines } from "./Lines";
import { useMoving } from "./moving";
import { Place } from "./Place";
import { boardQuery, LINES_AT_ONCE, placeQuery, WINDOWS, type Window } from "./queries";
import { Showing } from "./Showing";

export function Component() {
  const { t } = useWords("boards");
  const { board, window, choose } = useBoardInAddress();
  return (
    <div className={text.page}>
      <title>{`${t("hall:nav.leaderboards")} · ${t("hall:hall")}`}</title>
      <h1>{t("hall:nav.leaderboards")}</h1>
      <div className={css.choices}>
        <BoardChoice board={board} onChoose={choose} />
        <Windows board={board} window={window} />
      </div>
      <Board key={`${board} ${window}`} board={board} window={window} />
      <Showing />
    </div>
  );
}

function Windows({ board, window }: { board: string; window: Window }) {
  const { t } = useWords("boards");
  return (
    <nav className={css.windows} aria-label={t("windows")}>
      {WINDOWS.map((each) => (
        <Link
          key={each}
          className={css.window}
          to={{ search: searchOf(board, each) }}
          replace
          preventScrollReset
          aria-current={each === window ? "page" : undefined}
        >
          {t(`window.${each}`)}
        </Link>
      ))}
    </nav>
  );
}

function Board({ board, window }: { board: string; window: Window }) {
  const { t } = useWords("boards");
  const name = useBoardName()(board);
  const top = useInfiniteQuery(boardQuery(board, window));
  const { data: place } = useQuery(placeQuery(board, window));
  const { data: lines, error, refetch } = top;
  useMoving(board, lines?.length ?? 0, LINES_AT_ONCE);
  return (
    <Card title={t(`title.${window}`, { board: name })}>
      {!lines && <ProblemNotice error={error} again={() => void refetch()} />}
      {!lines && !error && <Skeleton lines={8} />}
      {lines?.length === 0 && (
        <div className={css.empty}>
          <p className={text.soft}>{t(`empty.${window}`)}</p>
          <ButtonLink to="/challenges">{t("toChallenges")}</ButtonLink>
        </div>
      )}
      {lines && lines.length > 0 && (
        <>
          <Place place={place} />
          <Lines name={`${board} ${window}`} lines={lines} around={place?.around} more={<More pages={top} />} />
          <p className={text.small}>{t("utc")}</p>
        </>
      )}
    </Card>
  );
}
