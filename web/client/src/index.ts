// rostrum-client: the API of a Rostrum deployment for browsers and Node. README.md beside package.json documents it.
import { bidding, type Bidding } from "./bidding.ts";
import { ServerClock, type Clock } from "./clock.ts";
import { Http, type Call, type HttpOptions, type Method, type Token } from "./http.ts";
import type { EventSourceConstructor } from "./live/fallback.ts";
import { LiveHub } from "./live/live.ts";
import type { Live } from "./live/public.ts";
import type { WebSocketConstructor } from "./live/connection.ts";
import { toMs } from "./auction-state.ts";
import type { Image } from "./types.ts";
import type { Progress } from "./upload.ts";

export { HISTORY_MAX, reduceAuction } from "./auction-state.ts";
export type { AuctionInput, AuctionState, PublicBid, Terms } from "./auction-state.ts";
export type { BidOptions, Bidding, CommandOptions } from "./bidding.ts";
export type { Clock } from "./clock.ts";
export { ApiError, NetworkError } from "./errors.ts";
export type { Call, Data, Init, Method, PathOf, Token } from "./http.ts";
export { incrementAt, nextAmounts, readIncrements } from "./increments.ts";
export type { Increments, Ladder } from "./increments.ts";
export { bidKey } from "./keys.ts";
export { WATCHED_MAX } from "./live/watch-list.ts";
export type { Live, LiveStatus } from "./live/public.ts";
export type { WatchOptions } from "./live/watched.ts";
export { AMOUNT_MAX, formatAmount, parseAmount, toDecimal, toMinor } from "./money.ts";
export { verifyReceipt } from "./receipts.ts";
export type { ReceiptCheck, ReceiptClaims } from "./receipts.ts";
export { reduceSale } from "./sale-state.ts";
export type { SaleInput, SaleOrder, SaleState, SaleTerms, YouInSale } from "./sale-state.ts";
export type { components, operations, paths } from "./generated/schema.d.ts";
export type * from "./types.ts";
export type { Progress } from "./upload.ts";
export type { You } from "./you.ts";

/** How createRostrum reaches a deployment. */
export interface RostrumOptions {
  /** Address of the deployment, such as `https://auctions.example.org`. Empty: that of the page. */
  readonly baseUrl: string;
  /** For clients without a session cookie. */
  readonly token?: Token;
  readonly fetch?: typeof globalThis.fetch;
  /** Node 20 has none: give that of the package `ws` or `undici`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Without it the fallback polls. It sends no token, so it is not used with one. */
  readonly EventSource?: EventSourceConstructor;
  /** A monotonic time in ms. Default: performance.now. */
  readonly now?: () => number;
}

/** A deployment. */
export interface Rostrum extends Bidding {
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  readonly put: Call<"put">;
  readonly patch: Call<"patch">;
  readonly del: Call<"delete">;
  /** Uploads an image to `/api/v1/auctions/<id>/images` or `/api/v1/products/<id>/images`. */
  upload(path: string, file: Blob, onProgress?: Progress, signal?: AbortSignal): Promise<Image>;
  readonly clock: Clock;
  readonly live: Live;
  /** Stops all timers and connections. */
  close(): void;
}

/** The address of the page, if there is one. */
function ownOrigin(): string {
  return typeof location === "undefined" ? "" : location.origin;
}

/** Listens to what says that connections may be dead, or can be had again. Returns how to stop. */
function listenToPage(woke: () => void): () => void {
  if (typeof window === "undefined") return () => undefined;
  const shown = (): void => {
    if (!document.hidden) woke();
  };
  const events = ["online", "offline", "pageshow"] as const;
  for (const each of events) window.addEventListener(each, woke);
  document.addEventListener("visibilitychange", shown);
  return () => {
    for (const each of events) window.removeEventListener(each, woke);
    document.removeEventListener("visibilitychange", shown);
  };
}

/** Feeds the bodies of watched auctions and sales that anybody reads to their states. */
function feeding(call: Call<"get">, live: LiveHub): Call<"get"> {
  return async (path, ...init) => {
    const data = await call(path, ...init);
    if (path === "/api/v1/auctions/{id}") live.feedAuction(data);
    if (path === "/api/v1/flash-sales/{id}") live.feedSale(data);
    return data;
  };
}

/** Opens a deployment, and measures its clock. The socket opens when something is watched. */
export function createRostrum(options: RostrumOptions): Rostrum {
  const { token, now: mono = () => performance.now() } = options;
  const baseUrl = (options.baseUrl === "" ? ownOrigin() : options.baseUrl).replace(/\/+$/, "");
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const http = new Http({ baseUrl, fetch, token } satisfies HttpOptions);
  const calling = <M extends Method>(method: M): Call<M> =>
    ((path: string, init?: object) => http.call(method, path, init)) as Call<M>;
  const clock = new ServerClock({
    mono,
    wall: () => Date.now(),
    ask: async () =>
      toMs(
        ((await http.call("get", "/api/v1/time", { cache: "no-store" }, true)) as { serverTime: string }).serverTime,
      ),
  });
  const live = new LiveHub({
    baseUrl,
    token,
    http,
    clock,
    mono,
    socketUrl: `${baseUrl.replace(/^http/, "ws")}/ws`,
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    EventSource: options.EventSource ?? (token === undefined ? globalThis.EventSource : undefined),
  });
  const stopSleep = clock.onWake(() => {
    live.check();
  });
  const stopPage = listenToPage(() => {
    live.check();
    clock.sync().catch(() => undefined);
  });
  clock.start();
  const post = calling("post");
  return {
    get: feeding(calling("get"), live),
    post,
    put: calling("put"),
    patch: calling("patch"),
    del: calling("delete"),
    upload: async (path, file, onProgress, signal) => {
      const { upload } = await import("./upload.ts"); // few pages need it
      return upload(http, { baseUrl, fetch, token }, path, file, onProgress, signal);
    },
    ...bidding(post),
    clock,
    live,
    close() {
      stopSleep();
      stopPage();
      clock.stop();
      live.close();
    },
  };
}
