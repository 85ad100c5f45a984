/**
 * The session as requests see it. A session lives in cookies that no script can read; what a script
 * does is show the CSRF token, have an expired one refreshed, and wait where a person must do something.
 *
 * A request whose session has ended, or that wants a recent proof of who asks, is not failed: it waits
 * until the person has signed in over the page, and is sent again. So nothing typed is lost.
 */
import { unreachable } from "../api/problem";

export type Question = "ended" | "suspended" | "confirm";

const API = "/api/v1";
const CSRF_COOKIE = "__Host-guildhall-csrf";
const SAFE = new Set(["GET", "HEAD"]);
const REFRESHED = "guildhall.refreshed";
/** With what the hall says that there is no session; any other 401 is about a password or a code. */
const ENDED = new Set(["not_signed_in", "token_invalid"]);

interface Asked {
  readonly question: Question;
  readonly answered: Promise<boolean>;
  readonly settle: (inAgain: boolean) => void;
}

let asked: Asked | null = null;
let isIn = false;
/** What the hall said when it last refused to renew a session. */
let refusedWith: string | undefined;
const listeners = new Set<() => void>();

/** The question that a person must answer before what waits can go on; null for none. */
export function question(): Question | null {
  return asked?.question ?? null;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Tells whether somebody is signed in on this page: only then does a 401 mean that it ended. */
export function setSignedIn(now: boolean): void {
  isIn = now;
}

/** Lets what waits go on, or gives it up. */
export function settle(inAgain: boolean): void {
  const settled = asked;
  asked = null;
  if (!inAgain && settled && settled.question !== "confirm") isIn = false;
  settled?.settle(inAgain);
  listeners.forEach((listener) => listener());
}

/** Whether this browser has a session, as far as can be told without asking. */
export function mayBeSignedIn(): boolean {
  return csrfToken() !== "";
}

export async function fetchInSession(request: Request): Promise<Response> {
  let response = await fetchUnasked(request);
  if ((await hasEnded(response)) && isIn && (await ask(refusedWith === "account_suspended" ? "suspended" : "ended"))) {
    response = await send(request.clone());
  }
  if (response.status === 403 && (await codeOf(response)) === "reauthentication_required") {
    if (await ask("confirm")) response = await send(request.clone());
  }
  return response;
}

/** Sends a request for which nobody is asked anything: without a session it is refused. */
export async function fetchUnasked(request: Request): Promise<Response> {
  const response = await send(request.clone());
  if (!(await hasEnded(response)) || !mayBeSignedIn() || !(await refresh())) return response;
  return send(request.clone());
}

async function send(request: Request): Promise<Response> {
  if (!SAFE.has(request.method)) request.headers.set("X-CSRF-Token", csrfToken());
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable();
  }
}

/**
 * Has the session's tokens changed for new ones; false if there is no session any more.
 *
 * A refresh token is good once, and all tabs have the same. So one tab refreshes at a time, and who had
 * to wait for it finds it done.
 */
async function refresh(): Promise<boolean> {
  const noticed = Date.now();
  return navigator.locks.request("guildhall.refresh", async () => {
    if (Number(localStorage.getItem(REFRESHED) ?? 0) > noticed) return true;
    const response = await send(new Request(`${location.origin}${API}/auth/refresh`, { method: "POST" }));
    if (response.status >= 500 || response.status === 429) throw unreachable();
    if (response.ok) localStorage.setItem(REFRESHED, String(Date.now()));
    refusedWith = response.ok ? undefined : await codeOf(response);
    return response.ok;
  });
}

function ask(what: Question): Promise<boolean> {
  if (asked === null) {
    let done: (inAgain: boolean) => void = () => undefined;
    const answered = new Promise<boolean>((resolve) => {
      done = resolve;
    });
    asked = { question: what, answered, settle: done };
    listeners.forEach((listener) => listener());
  }
  return asked.answered;
}

async function hasEnded(response: Response): Promise<boolean> {
  return response.status === 401 && ENDED.has((await codeOf(response)) ?? "");
}

async function codeOf(response: Response): Promise<string | undefined> {
  try {
    return ((await response.clone().json()) as { error?: string }).error;
  } catch {
    return undefined;
  }
}

function csrfToken(): string {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${CSRF_COOKIE}=`));
  return found?.slice(CSRF_COOKIE.length + 1) ?? "";
}
