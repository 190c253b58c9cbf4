// Live updates: who watches what, and which of socket, event streams and polling keeps it up to date.
//
// A state is live only while its stream delivers: after the snapshot of this connection, and while pings are answered.
// Everything else is stale. The reducers hold all rules about versions; this file only says what a message is about.
import type { AuctionState } from "../auction-state.ts";
import type { ServerClock } from "../clock.ts";
import type { Http, Token } from "../http.ts";
import type { SaleState } from "../sale-state.ts";
import type { Auction, FlashSale, UserMessage } from "../types.ts";
import { Bodies } from "./bodies.ts";
import { Connection, type WebSocketConstructor } from "./connection.ts";
import { Fallback, type EventSourceConstructor } from "./fallback.ts";
import { Intake, SPREAD_MS } from "./intake.ts";
import type { Stream } from "./messages.ts";
import type { Live, LiveStatus } from "./public.ts";
import { Subscriptions } from "./subscriptions.ts";
import { LINGER_MS, WatchList, type AnyWatched } from "./watch-list.ts";
import type { WatchOptions } from "./watched.ts";

/** The socket has so long to open before the fallback starts. */
export const FALLBACK_AFTER_MS = 3_000;
/** The silence before a ping; the second one if a watched auction ends within a minute. */
const SILENCE_MS = 5_000;
const LAST_MINUTE_SILENCE_MS = 2_000;
const MINUTE_MS = 60_000;

/** What it needs. */
export interface LiveOptions {
  readonly baseUrl: string;
  readonly socketUrl: string;
  readonly token: Token | undefined;
  readonly http: Http;
  readonly clock: ServerClock;
  readonly mono: () => number;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly EventSource: EventSourceConstructor | undefined;
}

/** Whether the browser knows that there is no network. Node does not say. */
function isOffline(): boolean {
  return typeof navigator !== "undefined" && (navigator.onLine as boolean | undefined) === false;
}

/** See above. */
export class LiveHub implements Live {
  readonly #options: LiveOptions;
  readonly #list: WatchList;
  readonly #userListeners = new Set<(message: UserMessage) => void>();
  readonly #statusListeners = new Set<(status: LiveStatus) => void>();
  readonly #endListeners = new Set<() => void>();
  readonly #connection: Connection | null;
  readonly #subscriptions: Subscriptions;
  readonly #fallback: Fallback;
  readonly #bodies: Bodies;
  #running = false;
  /** Whether the newest poll succeeded; null before it. */
  #polled: boolean | null = null;
  #status: LiveStatus = "live";
  #fallbackTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
    const { mono, http, baseUrl, EventSource } = options;
    this.#list = new WatchList({
      onWatch: (watched, added) => {
        this.#start();
        if (added) this.#bodies.want(watched);
        this.#sync();
      },
      onForget: () => {
        this.#sync();
        this.#stopLater();
      },
    });
    this.#bodies = new Bodies({
      http,
      onAuction: (auction) => this.feedAuction(auction),
      onSale: (sale) => this.feedSale(sale),
      onMissing: (kind, id, error) => this.#list.find(kind, id)?.fail(error),
    });
    this.#subscriptions = new Subscriptions({
      mono,
      send: (command) => this.#connection?.send(command),
      wanted: () => this.#list.byImportance(),
      onLeft: (id) => this.#lostStream(id, "socket"),
    });
    this.#fallback = new Fallback({
      baseUrl,
      EventSource,
      bodies: this.#bodies,
      wanted: () => this.#unserved(),
      onMessage: (message) => intake.take(message, "events"),
      onStreamLost: (id) => this.#lostStream(id, "events"),
      onPoll: (succeeded) => this.#setPolled(succeeded),
    });
    const intake = new Intake({
      list: this.#list,
      subscriptions: this.#subscriptions,
      fallback: this.#fallback,
      bodies: this.#bodies,
      mono,
      serves: (stream) => this.#serves(stream),
      onUser: (message) => {
        for (const each of [...this.#userListeners]) each(message);
      },
      onTaken: () => this.#refresh(),
      onRefused: () => this.#sync(),
    });
    this.#connection = this.#makeConnection(intake);
  }

  watchAuction(id: string, listener: (state: AuctionState) => void, options: WatchOptions = {}): () => void {
    return this.#list.watchAuction(id, listener, options);
  }

  watchSale(id: string, listener: (state: SaleState) => void, options: WatchOptions = {}): () => void {
    return this.#list.watchSale(id, listener, options);
  }

  onUser(listener: (message: UserMessage) => void): () => void {
    this.#userListeners.add(listener);
    this.#start();
    return () => {
      this.#userListeners.delete(listener);
      this.#stopLater();
    };
  }

  status(): LiveStatus {
    return this.#status;
  }

  onStatus(listener: (status: LiveStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onSessionEnded(listener: () => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  reconnect(): void {
    for (const each of this.#list.all()) {
      each.missing = false; // another user may see it
      each.feed({ kind: "user" });
    }
    this.#connection?.reopen();
    this.#fallback.check();
  }

  /** Takes a body that somebody has read. */
  feedAuction(auction: Auction): void {
    this.#list.auctions.get(auction.id)?.feed({ kind: "body", auction });
  }

  /** The same for a flash sale. */
  feedSale(sale: FlashSale): void {
    this.#list.sales.get(sale.id)?.feed({ kind: "body", sale });
  }

  /** The page was asleep, or the network or the page came back: whatever is open may be dead. */
  check(): void {
    this.#connection?.check(isOffline());
    this.#fallback.check();
    this.#refresh();
  }

  close(): void {
    this.#list.clear();
    this.#userListeners.clear();
    this.#stop();
  }

  // ---- who is served by what ----

  /** All that the socket does not watch, the visible and newest ones first. */
  #unserved(): AnyWatched[] {
    const ready = this.#connection?.ready === true;
    return this.#list.byImportance().filter((each) => !each.missing && !(ready && this.#subscriptions.has(each.id)));
  }

  /** Whether a stream is known to deliver. */
  #serves(stream: Stream | null): boolean {
    if (stream === "socket") return this.#connection?.ready === true && !this.#connection.suspect;
    return stream === "events" && this.#polled !== false;
  }

  /** Gives out the places of socket and event streams anew. */
  #sync(): void {
    this.#subscriptions.sync();
    if (this.#connection?.ready === true) this.#fallback.setMode(this.#unserved().length > 0 ? "overflow" : "off");
    this.#fallback.sync();
    this.#refresh();
  }

  // ---- connecting ----

  #makeConnection(intake: Intake): Connection | null {
    const { WebSocket, socketUrl: url, token, clock, mono } = this.#options;
    if (WebSocket === undefined) return null;
    return new Connection({
      url,
      WebSocket,
      token,
      clock,
      mono,
      silenceMs: () => this.#silence(),
      onReady: () => this.#onReady(),
      onMessage: (message) => intake.take(message, "socket"),
      onLost: () => this.#onLost(),
      onSuspect: () => this.#refresh(),
      onEnded: () => {
        for (const each of [...this.#endListeners]) each();
      },
    });
  }

  #start(): void {
    clearTimeout(this.#idleTimer);
    if (this.#running) return;
    this.#running = true;
    this.#polled = null;
    this.#awaitSocket(this.#connection === null ? 0 : FALLBACK_AFTER_MS);
    this.#connection?.open();
    this.#refresh();
  }

  #stopLater(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      if (this.#list.size === 0 && this.#userListeners.size === 0) this.#stop();
    }, LINGER_MS);
  }

  #stop(): void {
    this.#running = false;
    this.#stopAwaiting();
    clearTimeout(this.#idleTimer);
    this.#connection?.close();
    this.#subscriptions.reset(false);
    this.#fallback.setMode("off");
    this.#bodies.stop();
    this.#refresh();
  }

  /** Starts the fallback after this time, counted from the first failure. */
  #awaitSocket(ms: number): void {
    this.#fallbackTimer ??= setTimeout(() => {
      this.#polled = null;
      this.#fallback.setMode("full");
    }, ms);
  }

  #stopAwaiting(): void {
    clearTimeout(this.#fallbackTimer);
    this.#fallbackTimer = undefined;
  }

  #onReady(): void {
    this.#stopAwaiting();
    for (const each of this.#list.all()) each.stream = null;
    this.#subscriptions.reset(true);
    this.#sync();
    for (const each of this.#list.all()) {
      if ((each.state?.terms ?? null) === null) this.#bodies.want(each, SPREAD_MS * Math.random());
    }
  }

  #onLost(): void {
    for (const each of this.#list.all()) if (each.stream === "socket") each.stream = null;
    this.#subscriptions.reset(false);
    this.#awaitSocket(FALLBACK_AFTER_MS);
    this.#refresh();
  }

  #lostStream(id: string, stream: Stream): void {
    const watched = this.#list.auctions.get(id) ?? this.#list.sales.get(id);
    if (watched?.stream === stream) watched.stream = null;
    this.#refresh();
  }

  #setPolled(succeeded: boolean): void {
    this.#polled = succeeded;
    // Something else may have become visible.
    this.#sync();
  }

  /** The silence before a ping: shorter when a watched auction is about to end. */
  #silence(): number {
    const soon = this.#options.clock.now() + MINUTE_MS;
    const states = [...this.#list.auctions.values()].map((each) => each.state);
    const ending = states.some((each) => each?.status === "active" && each.endTime < soon);
    return ending ? LAST_MINUTE_SILENCE_MS : SILENCE_MS;
  }

  // ---- what the listeners see ----

  /** Sets the freshness of all states, and the status. */
  #refresh(): void {
    const { clock, mono } = this.#options;
    const now = clock.now();
    const heard = now - (mono() - (this.#connection?.heardAt ?? 0));
    for (const each of this.#list.all()) {
      const served = this.#serves(each.stream) && (each.stream !== "socket" || this.#subscriptions.has(each.id));
      if (served && each.doubt === null) each.setFreshness("live", now);
      else each.setFreshness("stale", Math.min(heard, now));
    }
    const status = this.#newStatus();
    if (status === this.#status) return;
    this.#status = status;
    for (const each of [...this.#statusListeners]) each(status);
  }

  #newStatus(): LiveStatus {
    if (this.#connection?.ready === true && !this.#connection.suspect) return "live";
    if (isOffline()) return "offline";
    if (!this.#running) return "live";
    if (this.#fallback.mode !== "full" || this.#polled === null) return "connecting";
    return this.#polled ? "fallback" : "offline";
  }
}
