import { useQuery } from "@tanstack/react-query";

import { useWords } from "../../i18n";
import { Choice } from "../../parts/Choice";
import { boardsQuery, WHOLE_HALL } from "./queries";

/** A choice among the board of the hall and those of its domains. */
export function BoardChoice({ board, onChoose }: { board: string; onChoose: (board: string) => void }) {
  const { t } = useWords("boards");
  const { data } = useQuery(boardsQuery);
  const known = data?.items.map(({ board: each, name }) => [each, each === WHOLE_HALL ? t("wholeHall") : name] as const) ?? [];
  const isKnown = known.some(([each]) => each === board);
  const waiting = [[board, board === WHOLE_HALL ? t("wholeHall") : board]] as const;
  return (
    <Choice
      label={t("board")}
      value={board}
      options={isKnown ? known : [...waiting, ...known]}
      onChange={(event) => onChoose(event.target.value)}
    />
  );
}

/** Gives the name of a board, in the language that is spoken. */
export function useBoardName(): (board: string) => string {
  const { t } = useWords("boards");
  const { data } = useQuery(boardsQuery);
  return (board) => (board === WHOLE_HALL ? t("wholeHall") : (data?.items.find((each) => each.board === board)?.name ?? board));
}
