/**
 * One stream for all tabs of a browser: who has the lock keeps it open and passes on what it hears. When
 * that tab is closed, the lock goes to the next.
 */
import { TABS, type TabNews } from "../session/me";
import { hear, type Told } from "./news";
import { listen } from "./stream";

const FIRST_WAIT_MILLISECONDS = 1000;
const LONGEST_WAIT_MILLISECONDS = 30_000;

/** Hears what concerns a member, until the function that is given back is called. */
export function connect(memberId: string): () => void {
  const stopped = new AbortController();
  const name = `guildhall.live.${memberId}`;
  const tabs = new BroadcastChannel(name);
  tabs.onmessage = ({ data }: MessageEvent<Told>) => hear(data);
  const tell = (told: Told): void => {
    if (stopped.signal.aborted) return;
    tabs.postMessage(told);
    hear(told);
  };
  navigator.locks
    .request(name, { signal: stopped.signal }, () => keep(stopped.signal, tell))
    .catch((error: unknown) => {
      if (!stopped.signal.aborted) throw error;
    });
  return () => {
    stopped.abort();
    tabs.close();
  };
}

/** Keeps a stream open: where it ends another one is opened, after a while that grows. */
async function keep(stopped: AbortSignal, tell: (told: Told) => void): Promise<void> {
  let failures = 0;
  let isFirst = true;
  while (!stopped.aborted) {
    const wasLost = !isFirst;
    isFirst = false;
    const isSignedIn = await listen(stopped, (told) => {
      failures = 0;
      tell(told);
      if (wasLost && told.event === "hello") tell({ event: "again", data: null });
    });
    if (stopped.aborted) return;
    if (isSignedIn) await wait(stopped, failures++);
    else await signIn(stopped);
  }
}

/** Waits, and not in step with other browsers; less if this one has just come back. */
function wait(stopped: AbortSignal, failures: number): Promise<void> {
  const longest = Math.min(LONGEST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS * 2 ** failures);
  return until(stopped, (done, over) => {
    const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
    over.addEventListener("abort", () => clearTimeout(timer));
    window.addEventListener("online", done, { signal: over });
  });
}

/** Waits until somebody has signed in again, in whichever tab. */
function signIn(stopped: AbortSignal): Promise<void> {
  return until(stopped, (done, over) => {
    const tabs = new BroadcastChannel(TABS);
    tabs.onmessage = ({ data }: MessageEvent<TabNews>) => data.is === "in" && done();
    over.addEventListener("abort", () => tabs.close());
  });
}

/** Waits for what `begin` waits for, or the stop; then has everything that was begun let go. */
async function until(stopped: AbortSignal, begin: (done: () => void, over: AbortSignal) => void): Promise<void> {
  const over = new AbortController();
  await new Promise<void>((resolve) => {
    stopped.addEventListener("abort", () => resolve(), { signal: over.signal });
    begin(resolve, over.signal);
  });
  over.abort();
}
