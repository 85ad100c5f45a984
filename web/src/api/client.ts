import createClient, { type FetchResponse } from "openapi-fetch";

import { fetchInSession } from "../session/door";
import { notUnderstood, problemOf, unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The hall's API, typed by its own OpenAPI document; by cookie, and kept alive by `door`. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  fetch: fetchInSession,
});

type Answered<T> = Pick<FetchResponse<Record<string, never>, unknown, `${string}/${string}`>, "response"> & {
  data?: T;
  error?: unknown;
};

/** Gives what was answered. Throws the Problem if the hall refused. */
export async function answer<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked.catch(unread);
  if (!response.ok) throw problemOf(error, response);
  return data as T;
}

/** Says of an answer that could not be read to its end, or is no JSON, that it was not the hall's. */
function unread(error: unknown): never {
  if (error instanceof SyntaxError) throw notUnderstood();
  if (error instanceof TypeError) throw unreachable();
  throw error;
}
