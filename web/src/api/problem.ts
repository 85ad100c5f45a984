/** What the hall refused, or could not do, with its sentence for a person (RFC 9457). */
interface ProblemBody {
  readonly status: number;
  readonly error: string;
  readonly detail: string;
  readonly request_id?: string | null;
  readonly faults?: readonly { readonly path: string; readonly message: string }[];
  readonly second_factor_token?: string;
}

export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly body: ProblemBody;
  /** How long the hall wants to be left alone; 0 for no such wish. */
  readonly waitSeconds: number;

  constructor(body: ProblemBody, waitSeconds = 0) {
    super(body.detail);
    this.name = "Problem";
    this.code = body.error;
    this.status = body.status;
    this.body = body;
    this.waitSeconds = waitSeconds;
  }

  /** Whether the same request might succeed a moment later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Nobody answered: this device is offline, or the hall is down. */
export function unreachable(): Problem {
  return new Problem({ status: 0, error: "unreachable", detail: "The hall cannot be reached." });
}

/** Something else answered as if it were the hall: a proxy, or a network that wants to be signed in to. */
export function notUnderstood(): Problem {
  return new Problem({ status: 502, error: "not_understood", detail: "The answer was not the hall's." });
}

/** What proxies say in the hall's place when it is not there, or wants less at once. */
const OF_PROXIES: Readonly<Record<number, string>> = {
  413: "request_too_large",
  429: "rate_limited",
  502: "unreachable",
  503: "unreachable",
  504: "unreachable",
};

/** Reads an answer that is no success. What a proxy wrote in the hall's place is no problem+json. */
export function problemOf(body: unknown, response: Response): Problem {
  const waitSeconds = Number(response.headers.get("Retry-After")) || 0;
  if (typeof body === "object" && body !== null && "error" in body && "detail" in body) {
    return new Problem(body as ProblemBody, waitSeconds);
  }
  const error = OF_PROXIES[response.status] ?? "not_understood";
  return new Problem({ status: response.status, error, detail: `The hall answered with ${response.status}.` }, waitSeconds);
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({ status: -1, error: "app_broken", detail: String(error) });
}
