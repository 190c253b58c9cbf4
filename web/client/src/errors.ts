// What a request may be rejected with: ApiError if the server answered, NetworkError if it did not.
import type { FieldError } from "./types.ts";

const KNOWN = new Set(["error", "message", "requestId", "fields"]);
const MS_PER_S = 1000;

/** The members of an error's JSON. */
type Body = Readonly<Record<string, unknown>>;

/** The server refused a request. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Status of HTTP, 0 for a refusal over the socket. */
  readonly status: number;
  /** Code of the catalogue in the OpenAPI document, `HTTP_<status>` if something else than the gateway answered. */
  readonly code: string;
  readonly fields: readonly FieldError[];
  /** All other members: `minimumBid`, `endTime`, `bidId`, `outcome`, … */
  readonly details: Body;
  readonly requestId: string | null;
  /** Milliseconds to wait before another try, if the server said so. */
  readonly retryAfterMs: number | null;

  constructor(status: number, body: unknown, headers?: Headers) {
    const members: Body = typeof body === "object" && body !== null ? (body as Body) : {};
    const code = typeof members["error"] === "string" ? members["error"] : `HTTP_${String(status)}`;
    super(typeof members["message"] === "string" ? members["message"] : code);
    this.status = status;
    this.code = code;
    this.fields = Array.isArray(members["fields"]) ? (members["fields"] as FieldError[]) : [];
    this.details = Object.fromEntries(Object.entries(members).filter(([name]) => !KNOWN.has(name)));
    this.requestId =
      typeof members["requestId"] === "string" ? members["requestId"] : (headers?.get("X-Request-Id") ?? null);
    this.retryAfterMs = retryAfter(members["retryAfter"] ?? headers?.get("Retry-After"));
  }

  /** Whether the request may have taken effect all the same: ask again with the same key. */
  get outcomeUnknown(): boolean {
    return this.status === 502 || this.status === 504 || this.details["outcome"] === "unknown";
  }
}

/** Seconds as milliseconds. */
function retryAfter(seconds: unknown): number | null {
  const number = Number(seconds ?? NaN);
  return Number.isFinite(number) && number >= 0 ? number * MS_PER_S : null;
}

/** No answer came: no connection, a lost one, or the time ran out. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  /** Whether the request may have taken effect all the same: ask again with the same key. */
  readonly outcomeUnknown: boolean;

  constructor(message: string, outcomeUnknown: boolean, options?: ErrorOptions) {
    super(message, options);
    this.outcomeUnknown = outcomeUnknown;
  }
}
