import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../../api/client";
import { pagesOf } from "../../../api/queries";

export type Usage = Schemas["TokenUsageOut"];
export type Line = Schemas["UsageLine"];
export type Budget = Schemas["BudgetOut"];
export type Grouping = Exclude<Usage["group"], "day">;

/** Days in UTC, both included. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

const AT_ONCE = 100;

const usageOf = (period: Period, group: Usage["group"], cursor?: string) =>
  answer(api.GET("/api/v1/admin/token-usage", { params: { query: { ...period, group, limit: AT_ONCE, cursor } } }));

/** All days of a period, and what they come to. */
export const daysQuery = (period: Period) =>
  queryOptions({
    queryKey: ["token-usage", "day", period],
    queryFn: async (): Promise<Usage> => {
      const first = await usageOf(period, "day");
      const items = [...first.items];
      for (let cursor = first.next_cursor; cursor !== null; ) {
        const page = await usageOf(period, "day", cursor);
        items.push(...page.items);
        cursor = page.next_cursor;
      }
      return { ...first, items };
    },
  });

export const linesQuery = (period: Period, group: Grouping) =>
  pagesOf<Line>(["token-usage", group, period], (cursor) => usageOf(period, group, cursor));
