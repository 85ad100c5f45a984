/** What the hall refused, or could not do, with its sentence for a person (RFC 9457). */
export interface ProblemBody {
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

  constructor(body: ProblemBody) {
    super(body.detail);
    this.name = "Problem";
    this.code = body.error;
    this.status = body.status;
    this.body = body;
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

/** Reads an answer that is no success. What a proxy wrote in the hall's place is no problem+json. */
export function problemOf(body: unknown, response: Response): Problem {
  if (typeof body === "object" && body !== null && "error" in body && "detail" in body) {
    return new Problem(body as ProblemBody);
  }
  return new Problem({
    status: response.status,
    error: response.status >= 500 ? "internal_error" : "not_understood",
    detail: `The hall answered with ${response.status}.`,
  });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({ status: -1, error: "app_broken", detail: String(error) });
}
