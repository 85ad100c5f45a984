import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { asProblem } from "../../api/problem";
import { pagesOf } from "../../api/queries";

export const WINDOWS = ["all", "season", "week", "day"] as const;
export type Window = (typeof WINDOWS)[number];
export type Line = Schemas["BoardLineOut"];

/** The board of the whole hall; each other has the name of its domain. */
export const WHOLE_HALL = "global";
export const LINES_AT_ONCE = 20;
const NEIGHBOURS = 2;
/** A board that one comes back to has moved on; while one looks at it, `useMoving` follows it. */
const MOVING = { staleTime: 0 };

export const boardsQuery = queryOptions({
  queryKey: ["boards"],
  staleTime: 600_000,
  queryFn: () => answer(api.GET("/api/v1/leaderboards")),
});

export const boardQuery = (board: string, window: Window) => ({
  ...pagesOf(["board", board, window], (cursor) =>
    answer(
      api.GET("/api/v1/leaderboards/{board}", {
        params: { path: { board }, query: { window, limit: LINES_AT_ONCE, cursor } },
      }),
    ),
  ),
  ...MOVING,
});

/** Where one stands on a board, and who stands around; null for who is not on it. */
export const placeQuery = (board: string, window: Window) =>
  queryOptions({
    queryKey: ["board", board, window, "me"],
    queryFn: async (): Promise<Schemas["BoardPlaceOut"] | null> => {
      try {
        const params = { path: { board }, query: { window, around: NEIGHBOURS } };
        return await answer(api.GET("/api/v1/leaderboards/{board}/me", { params }));
      } catch (error) {
        if (asProblem(error).code === "not_on_board") return null;
        throw error;
      }
    },
    ...MOVING,
  });

export const seasonsQuery = pagesOf(["seasons"], (cursor) =>
  answer(api.GET("/api/v1/seasons", { params: { query: { cursor } } })),
);

export const seasonQuery = (season: string, board: string) =>
  pagesOf(["board", board, "season", season], (cursor) =>
    answer(
      api.GET("/api/v1/leaderboards/{board}", {
        params: { path: { board }, query: { season, limit: LINES_AT_ONCE, cursor } },
      }),
    ),
  );
