// REST: openapi-fetch with typed errors, the caller's token, idempotency keys, and other tries where they are safe.
//
// A request is sent again if no answer came, or 502 to 504: a GET, and a call that takes an Idempotency-Key, then with the
// same key. 409 IDEMPOTENCY_KEY_IN_USE means that the first try is still under way, so it is asked for again as well.
import createClient, { type FetchOptions, type FetchResponse } from "openapi-fetch";
import { backoffMs, REQUEST_BACKOFF, REQUEST_TRIES_MAX, RETRY_AFTER_MAX_MS, sleep } from "./backoff.ts";
import { ApiError, NetworkError } from "./errors.ts";
import { randomKey } from "./keys.ts";
import { KEYED_CALLS } from "./generated/routes.ts";
import type { paths } from "./generated/schema.d.ts";

/** Time for one answer; `Prefer: wait` is added to it. */
export const ANSWER_DEADLINE_MS = 8_000;
const MS_PER_S = 1000;
const UNAUTHORIZED = 401;
const CONFLICT = 409;
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** A bearer token, or a function that gives one. It is called with the token that was just refused, to give a newer one. */
export type Token = string | ((refused?: string) => string | null | Promise<string | null>);

/** The paths of the API that know the method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;

/** Parameters and body as openapi-fetch takes them, and the idempotency key. */
export type Init<P extends keyof paths, M extends Method> = FetchOptions<Operation<P, M>> & {
  /** Without it a call that takes a key gets a random one. */
  idempotencyKey?: string;
};

/** The JSON of the successful answers; `undefined` for 204. */
export type Data<P extends keyof paths, M extends Method> = Extract<
  FetchResponse<Operation<P, M> & Record<string, unknown>, object, `${string}/${string}`>,
  { data: unknown }
>["data"];

type Arguments<P extends keyof paths, M extends Method> =
  Partial<Init<P, M>> extends Init<P, M> ? [init?: Init<P, M>] : [init: Init<P, M>];

/** A method of the API. Resolves to the data; rejects with ApiError, NetworkError, or the reason of `signal`. */
export type Call<M extends Method> = <P extends PathOf<M>>(path: P, ...init: Arguments<P, M>) => Promise<Data<P, M>>;

/** What all requests share. */
export interface HttpOptions {
  readonly baseUrl: string;
  readonly fetch: typeof globalThis.fetch;
  readonly token: Token | undefined;
}

/** Parameters of any call, as this module reads them. */
interface LooseInit {
  readonly headers?: Record<string, string>;
  readonly params?: {
    readonly header?: Readonly<Record<string, unknown>>;
    readonly path?: object;
    readonly query?: object;
  };
  readonly body?: unknown;
  readonly signal?: AbortSignal | null;
  readonly cache?: RequestCache;
  readonly idempotencyKey?: string;
}

/** What came of one try. */
interface Answer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}

type LooseRequest = (method: string, path: string, init: object) => Promise<Answer>;

/** The bearer token for a request, asked for anew if the server refused one. */
export async function currentToken(token: Token | undefined, refused?: string): Promise<string | null> {
  return typeof token === "function" ? token(refused) : (token ?? null);
}

/** A limit of time. */
interface Deadline {
  readonly signal: AbortSignal;
  late: () => boolean;
  /** Begins the time anew. */
  renew: () => void;
  clear: () => void;
}

/** Aborts with the caller's signal, or when the time has run out. */
export function deadline(ms: number, outer: AbortSignal | null): Deadline {
  const controller = new AbortController();
  let late = false;
  const stop = (): void => {
    controller.abort(outer?.reason);
  };
  const start = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => {
      late = true;
      controller.abort();
    }, ms);
  let timer = start();
  const renew = (): void => {
    clearTimeout(timer);
    timer = start();
  };
  if (outer?.aborted === true) stop();
  outer?.addEventListener("abort", stop, { once: true });
  const clear = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  };
  return { signal: controller.signal, late: () => late, renew, clear };
}

/** The seconds of `Prefer: wait=N`. */
function waited(headers: Readonly<Record<string, unknown>>): number {
  const prefer = Object.entries(headers).find(([name]) => name.toLowerCase() === "prefer")?.[1];
  return typeof prefer === "string" ? Number(/(?:^|[,;\s])wait=(\d+)/.exec(prefer)?.[1] ?? 0) : 0;
}

/** Milliseconds before the next try, or null if the error stays. */
function delayBefore(error: unknown, tries: number, keyed: boolean): number | null {
  const pause = backoffMs(tries, REQUEST_BACKOFF);
  if (error instanceof NetworkError) return pause;
  if (!(error instanceof ApiError)) return null;
  const inUse = keyed && error.status === CONFLICT && error.code === "IDEMPOTENCY_KEY_IN_USE";
  if (!inUse && !GATEWAY_STATUSES.has(error.status)) return null;
  return Math.max(pause, Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
}

/** Sends requests for a deployment. */
export class Http {
  readonly #options: HttpOptions;
  readonly #request: LooseRequest;

  constructor(options: HttpOptions) {
    this.#options = options;
    const client = createClient<paths>({
      baseUrl: options.baseUrl,
      fetch: (request) => options.fetch(request),
    });
    this.#request = client.request as unknown as LooseRequest;
  }

  /** Sends a request, again where that is safe unless `once`, and gives its data. */
  async call(method: Method, path: string, init: LooseInit = {}, once = false): Promise<unknown> {
    const { idempotencyKey, ...given } = init;
    const keyed = KEYED_CALLS.has(`${method.toUpperCase()} ${path}`);
    const key = keyed ? { "Idempotency-Key": idempotencyKey ?? randomKey() } : {};
    const options = { ...given, headers: { ...key, ...given.headers } };
    const again = !once && (keyed || method === "get");
    return this.withTries(again, keyed, given.signal ?? null, () => this.#answer(method, path, options));
  }

  /** Calls `attempt` until it resolves, its error is final, or the tries are used up. */
  async withTries<T>(
    again: boolean,
    keyed: boolean,
    signal: AbortSignal | null,
    attempt: () => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        const delay = again && tries < REQUEST_TRIES_MAX ? delayBefore(error, tries, keyed) : null;
        if (delay === null) throw error;
        await sleep(delay, signal);
      }
    }
  }

  /** One try; a second one with another token if the first was refused. */
  async #answer(method: Method, path: string, options: LooseInit): Promise<unknown> {
    const token = await currentToken(this.#options.token);
    const answer = await this.#send(method, path, options, token);
    if (answer.response.status !== UNAUTHORIZED || token === null) return finish(answer);
    const newer = await currentToken(this.#options.token, token);
    return finish(newer === null || newer === token ? answer : await this.#send(method, path, options, newer));
  }

  async #send(method: Method, path: string, options: LooseInit, token: string | null): Promise<Answer> {
    const headers = { ...(token === null ? {} : { Authorization: `Bearer ${token}` }), ...options.headers };
    const outer = options.signal ?? null;
    const limit = deadline(ANSWER_DEADLINE_MS + waited({ ...options.params?.header, ...headers }) * MS_PER_S, outer);
    try {
      return await this.#request(method, path, { ...options, headers, signal: limit.signal });
    } catch (error) {
      if (outer?.aborted === true) throw error;
      const reason = limit.late() ? "The server did not answer in time" : "The server cannot be reached";
      throw new NetworkError(reason, method !== "get", { cause: error });
    } finally {
      limit.clear();
    }
  }
}

function finish(answer: Answer): unknown {
  if (!answer.response.ok) throw new ApiError(answer.response.status, answer.error, answer.response.headers);
  return answer.data;
}
