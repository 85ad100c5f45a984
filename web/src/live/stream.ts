/**
 * Reading of `/live`, by `fetch` and not by `EventSource`: that one hides why it was refused, and does
 * not notice a line that has gone dead.
 */
import { fetchUnasked } from "../session/door";
import type { Told } from "./news";

const ADDRESS = "/api/v1/live";
/** The hall says something every 15 seconds, if only that it is there. */
const SILENCE_MILLISECONDS = 40_000;

/** Hears the hall until the stream ends. Gives false if nobody is signed in any more. */
export async function listen(signal: AbortSignal, tell: (told: Told) => void): Promise<boolean> {
  const silence = new AbortController();
  let watch = 0;
  const heard = (): void => {
    clearTimeout(watch);
    watch = window.setTimeout(() => silence.abort(), SILENCE_MILLISECONDS);
  };
  heard();
  try {
    const request = new Request(`${location.origin}${ADDRESS}`, {
      headers: { Accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    const response = await fetchUnasked(request);
    if (!response.ok || response.body === null) return response.status !== 401;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      heard();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      blocks.map(read).forEach((told) => told && tell(told));
    }
  } catch {
    return true; // It broke off, or the hall is not there: what to do is the same.
  } finally {
    clearTimeout(watch);
  }
}

/** Reads one event as the hall writes them; null for a sign that it is there. */
function read(block: string): Told | null {
  const field = (name: string): string | undefined =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const event = field("event");
  const data: unknown = JSON.parse(field("data") ?? "null");
  return event === undefined ? null : { event, data };
}
