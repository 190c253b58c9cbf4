import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { REQUEST_TRIES_MAX } from "./backoff.ts";
import { bidding } from "./bidding.ts";
import { ApiError, NetworkError } from "./errors.ts";
import { ANSWER_DEADLINE_MS, Http, type Call, type Token } from "./http.ts";
import { bidKey } from "./keys.ts";

const ID = "018f3a5e-7c00-7000-8000-00000000a001";
const BIDS = "/api/v1/auctions/{id}/bids";
const INIT = { params: { path: { id: ID } }, body: { amount: "55.00" } };

type Answer = Response | Error | "never";

/** A server that gives these answers, the last one again and again, and notes the requests. */
class Server {
  readonly requests: { method: string; url: string; headers: Headers; body: string }[] = [];
  readonly #answers: Answer[];
  readonly http: Http;

  constructor(answers: readonly Answer[], token?: Token) {
    this.#answers = [...answers];
    this.http = new Http({ baseUrl: "http://rostrum.test", token, fetch: (input) => this.#answer(new Request(input)) });
  }

  get keys(): (string | null)[] {
    return this.requests.map((each) => each.headers.get("Idempotency-Key"));
  }

  async #answer(request: Request): Promise<Response> {
    this.requests.push({
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: await request.text(),
    });
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (answer instanceof Response) return answer.clone();
    if (answer instanceof Error || answer === undefined) throw answer ?? new Error("no answers");
    request.signal.throwIfAborted();
    return new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => {
        reject(request.signal.reason as Error);
      });
    });
  }
}

function json(status: number, data: object, headers: Record<string, string> = {}): Response {
  return Response.json(data, { status, headers });
}

function refusal(status: number, error: string, details: object = {}): Response {
  return json(status, { error, message: `It is ${error}`, requestId: "r-1", ...details });
}

const LOST = new TypeError("fetch failed");
const DONE = json(202, { bidId: "b", status: "pending" });

/** The outcome of a call while all waiting is skipped. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  const settled = call.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return settled;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a POST with an idempotency key", () => {
  it.each([
    ["no answer", LOST],
    ["a bad gateway", new Response("<html>", { status: 502 })],
    ["an unknown outcome", refusal(503, "UNAVAILABLE", { outcome: "unknown", bidId: "b" })],
    ["a first try that is under way", refusal(409, "IDEMPOTENCY_KEY_IN_USE")],
  ])("is sent again with the same key after %s", async (_, failure) => {
    const server = new Server([failure, failure, DONE]);
    expect(await outcome(server.http.call("post", BIDS, INIT))).toEqual({ bidId: "b", status: "pending" });
    expect(server.requests).toHaveLength(3);
    expect(new Set(server.keys).size).toBe(1);
    expect(server.keys[0]).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(new Set(server.requests.map((each) => each.body))).toEqual(new Set(['{"amount":"55.00"}']));
  });

  it("has the key that was given, else a new one for each call", async () => {
    const server = new Server([DONE]);
    await outcome(server.http.call("post", BIDS, { ...INIT, idempotencyKey: "mine" }));
    await outcome(server.http.call("post", BIDS, INIT));
    await outcome(server.http.call("post", BIDS, INIT));
    expect(server.keys[0]).toBe("mine");
    expect(new Set(server.keys).size).toBe(3);
  });

  it("is not sent for ever", async () => {
    const server = new Server([LOST]);
    const error = await outcome(server.http.call("post", BIDS, INIT));
    expect(error).toBeInstanceOf(NetworkError);
    expect((error as NetworkError).outcomeUnknown).toBe(true);
    expect(server.requests).toHaveLength(REQUEST_TRIES_MAX);
  });

  it("waits as long as the server says, but not for minutes", async () => {
    const server = new Server([json(503, { error: "UNAVAILABLE" }, { "Retry-After": "3" }), DONE]);
    const call = server.http.call("post", BIDS, INIT);
    await vi.advanceTimersByTimeAsync(2900);
    expect(server.requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    await call;
    const patient = new Server([json(503, { error: "UNAVAILABLE" }, { "Retry-After": "600" }), DONE]);
    const second = patient.http.call("post", BIDS, INIT);
    await vi.advanceTimersByTimeAsync(5100);
    await second;
  });

  it("is not repeated after a refusal", async () => {
    const server = new Server([refusal(400, "BID_TOO_LOW", { currentBid: 55, minimumBid: 57.5 }), DONE]);
    const error = (await outcome(server.http.call("post", BIDS, INIT))) as ApiError;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 400,
      code: "BID_TOO_LOW",
      message: "It is BID_TOO_LOW",
      requestId: "r-1",
      fields: [],
      details: { currentBid: 55, minimumBid: 57.5 },
      retryAfterMs: null,
      outcomeUnknown: false,
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe("other calls", () => {
  it("are repeated if they only read", async () => {
    const server = new Server([LOST, json(504, {}), json(200, { serverTime: "now" })]);
    expect(await outcome(server.http.call("get", "/api/v1/time"))).toEqual({ serverTime: "now" });
    expect(server.keys).toEqual([null, null, null]);
  });

  it("are not repeated if they change something without a key", async () => {
    for (const [method, path] of [
      ["post", "/api/v1/auth/register"],
      ["patch", "/api/v1/users/me"],
      ["delete", "/api/v1/auctions/{id}"],
    ] as const) {
      const server = new Server([LOST]);
      const error = await outcome(server.http.call(method, path, { params: { path: { id: ID } } }));
      expect(error).toMatchObject({ name: "NetworkError", outcomeUnknown: true });
      expect(server.requests).toHaveLength(1);
    }
  });

  it("are not repeated after 429, which says when to try again", async () => {
    const server = new Server([json(429, { error: "RATE_LIMITED", retryAfter: 7 })]);
    expect(await outcome(server.http.call("get", "/api/v1/auctions"))).toMatchObject({
      code: "RATE_LIMITED",
      retryAfterMs: 7000,
    });
    expect(server.requests).toHaveLength(1);
  });

  it("say what else than the gateway answered", async () => {
    const server = new Server([new Response("<html>", { status: 404 })]);
    expect(await outcome(server.http.call("get", "/api/v1/time"))).toMatchObject({ status: 404, code: "HTTP_404" });
  });

  it("end when the caller says so", async () => {
    const server = new Server(["never"]);
    const stop = new AbortController();
    const call = outcome(server.http.call("get", "/api/v1/time", { signal: stop.signal }));
    stop.abort(new Error("left the page"));
    expect(await call).toMatchObject({ message: "left the page" });
    expect(server.requests).toHaveLength(1);
  });

  it("wait so long for an answer, and longer if the server was asked to wait", async () => {
    const server = new Server(["never"]);
    const failed = vi.fn();
    server.http.call("patch", "/api/v1/users/me").catch(failed);
    await vi.advanceTimersByTimeAsync(ANSWER_DEADLINE_MS - 10);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(failed.mock.calls[0]?.[0]).toMatchObject({
      name: "NetworkError",
      message: "The server did not answer in time",
    });
    server.http
      .call("delete", "/api/v1/auctions/{id}/proxy", { headers: { Prefer: "wait=10, receipt" } })
      .catch(failed);
    await vi.advanceTimersByTimeAsync(ANSWER_DEADLINE_MS + 9_900);
    expect(failed).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(200);
    expect(failed).toHaveBeenCalledTimes(2);
  });
});

describe("a token", () => {
  it("is sent, and asked for anew once if it was refused", async () => {
    const token = vi.fn((refused?: string) => (refused === undefined ? "old" : "new"));
    const server = new Server([refusal(401, "UNAUTHORIZED"), json(200, { id: "me" })], token);
    expect(await outcome(server.http.call("get", "/api/v1/users/me"))).toEqual({ id: "me" });
    expect(server.requests.map((each) => each.headers.get("Authorization"))).toEqual(["Bearer old", "Bearer new"]);
    expect(token.mock.calls).toEqual([[undefined], ["old"]]);
  });

  it("is not sent again if there is no other", async () => {
    const server = new Server([refusal(401, "UNAUTHORIZED")], "only");
    expect(await outcome(server.http.call("get", "/api/v1/users/me"))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(server.requests).toHaveLength(1);
  });
});

describe("the conveniences", () => {
  it("send amounts as decimal texts, and the key of what was seen", async () => {
    const server = new Server([DONE]);
    const calls = bidding(((path: string, init: object) => server.http.call("post", path, init)) as Call<"post">);
    await calls.bid(ID, 5550, { version: 9, wait: 5, receipt: true });
    await calls.bid(ID, 5550, { version: 9 });
    await calls.bid(ID, 5550, { version: 9, key: "given" });
    await calls.setMaximum(ID, 10000, { version: 9 });
    await calls.buyNow(ID, 9900);
    await calls.buyNow(ID, 9900, { version: 9 });
    await calls.buyNow(ID, 9901, { version: 9 });
    const key = await bidKey(ID, 5550, 9);
    expect(server.keys.slice(0, 3)).toEqual([key, key, "given"]);
    expect(server.keys[3]).not.toBe(key);
    expect(server.requests[0]).toMatchObject({
      url: `http://rostrum.test/api/v1/auctions/${ID}/bids`,
      body: '{"amount":"55.50"}',
    });
    expect(server.requests[0]?.headers.get("Prefer")).toBe("wait=5, receipt");
    expect(server.requests[3]?.body).toBe('{"maxAmount":"100.00"}');
    expect(server.requests[4]?.body).toBe('{"price":"99.00"}');
    expect(server.keys[5]).not.toBe(server.keys[6]);
  });

  it("join, order, confirm and cancel", async () => {
    const server = new Server([DONE]);
    const calls = bidding(((path: string, init: object) => server.http.call("post", path, init)) as Call<"post">);
    await calls.joinSale("sale", { quantity: 2 });
    await calls.order("sale", 2, { wait: 3 });
    await calls.confirmOrder("order");
    await calls.cancelOrder("order", { key: "k" });
    expect(server.requests.map((each) => new URL(each.url).pathname)).toEqual([
      "/api/v1/queue/join",
      "/api/v1/orders",
      "/api/v1/orders/order/confirm",
      "/api/v1/orders/order/cancel",
    ]);
    expect(server.requests[0]?.body).toBe('{"flashSaleId":"sale","quantity":2}');
    expect(server.keys.every((each) => each !== null)).toBe(true);
  });
});
