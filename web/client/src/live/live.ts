// Live updates: who watches what, and which of socket, event streams and polling keeps it up to date.
//
// A state is live only while its stream delivers: after the snapshot of this connection, and while pings are answered.
// Everything else is stale. The reducers hold all rules about versions; this file only says what a message is about.
import type { AuctionInput, AuctionState } from "../auction-state.ts";
import { reduceAuction } from "../auction-state.ts";
import type { ServerClock } from "../clock.ts";
import { ApiError } from "../errors.ts";
import type { Http, Token } from "../http.ts";
import type { SaleInput, SaleState } from "../sale-state.ts";
import { reduceSale } from "../sale-state.ts";
import type { Auction, FlashSale, UserMessage } from "../types.ts";
import { Bodies, type Wish } from "./bodies.ts";
import { Connection, type Message, type WebSocketConstructor } from "./connection.ts";
import { Fallback, type EventSourceConstructor } from "./fallback.ts";
import { dispatch, type Stream, type TakeResult } from "./messages.ts";
import { Subscriptions, type Kind, type Wanted } from "./subscriptions.ts";
import { Watched, type WatchOptions } from "./watched.ts";

/** How much can be watched at a time; the next one throws RangeError. */
export const WATCHED_MAX = 500;
/** The socket has so long to open before the fallback starts. */
export const FALLBACK_AFTER_MS = 3_000;
/** Something that nobody watches any more is kept so long: pages often watch it again at once. */
export const LINGER_MS = 2_000;
/** A snapshot that is older than the state is believed if there is another one after this time. */
export const RESTORE_CONFIRM_MS = 2_500;
/** The least time between two requests for the same thing. */
const ASK_AGAIN_MS = 1_000;
/** Bodies that many clients may want at the same moment are read within this time. */
const SPREAD_MS = 1_000;
/** The silence before a ping; the second one if a watched auction ends within a minute. */
const SILENCE_MS = 5_000;
const LAST_MINUTE_SILENCE_MS = 2_000;
const MINUTE_MS = 60_000;

/** `fallback`: updates come, but not over the socket. `offline`: none come. */
export type LiveStatus = "live" | "connecting" | "fallback" | "offline";

export type WatchedAuction = Watched<AuctionState, AuctionInput>;
export type WatchedSale = Watched<SaleState, SaleInput>;

/** The public part; see web/client/README.md. */
export interface Live {
  /** Calls the listener with each state of an auction, the present one first. Returns how to stop. */
  watchAuction(id: string, listener: (state: AuctionState) => void, options?: WatchOptions): () => void;
  /** The same for a flash sale. */
  watchSale(id: string, listener: (state: SaleState) => void, options?: WatchOptions): () => void;
  /** Calls the listener with the messages to this user alone. Those sent while there is no connection are lost. */
  onUser(listener: (message: UserMessage) => void): () => void;
  status(): LiveStatus;
  onStatus(listener: (status: LiveStatus) => void): () => void;
  /** Connects anew and forgets the views of the user. Call it after a login or logout. */
  reconnect(): void;
}

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

/** See above. */
export class LiveHub implements Live {
  readonly #options: LiveOptions;
  readonly #auctions = new Map<string, WatchedAuction>();
  readonly #sales = new Map<string, WatchedSale>();
  readonly #userListeners = new Set<(message: UserMessage) => void>();
  readonly #statusListeners = new Set<(status: LiveStatus) => void>();
  readonly #connection: Connection | null;
  readonly #subscriptions: Subscriptions;
  readonly #fallback: Fallback;
  readonly #bodies: Bodies;
  #order = 0;
  #running = false;
  #polled: boolean | null = null;
  #status: LiveStatus = "live";
  #fallbackTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
    const { mono, http, baseUrl, EventSource, WebSocket, token, clock } = options;
    this.#bodies = new Bodies({
      http,
      onAuction: (auction) => {
        this.feedAuction(auction);
      },
      onSale: (sale) => {
        this.feedSale(sale);
      },
      onMissing: (kind, id, error) => {
        this.#find(kind, id)?.fail(error);
      },
    });
    this.#fallback = new Fallback({
      baseUrl,
      EventSource,
      bodies: this.#bodies,
      wanted: () => this.#unserved(),
      onMessage: (message) => {
        this.#dispatch(message, "events");
      },
      onStreamLost: (id) => {
        this.#lostStream(id);
      },
      onPoll: (succeeded) => {
        this.#setPolled(succeeded);
      },
    });
    this.#subscriptions = new Subscriptions({
      mono,
      send: (command) => {
        this.#connection?.send(command);
      },
      wanted: () => this.#all(),
    });
    this.#connection =
      WebSocket === undefined
        ? null
        : new Connection({
            url: options.socketUrl,
            WebSocket,
            token,
            clock,
            mono,
            silenceMs: () => this.#silence(),
            onReady: () => {
              this.#onReady();
            },
            onMessage: (message) => {
              this.#dispatch(message, "socket");
            },
            onLost: () => {
              this.#onLost();
            },
            onSuspect: () => {
              this.#refresh();
            },
          });
  }

  watchAuction(id: string, listener: (state: AuctionState) => void, options: WatchOptions = {}): () => void {
    return this.#watch(
      this.#auctions,
      id,
      () => new Watched<AuctionState, AuctionInput>("auction", id, reduceAuction),
      listener,
      options,
    );
  }

  watchSale(id: string, listener: (state: SaleState) => void, options: WatchOptions = {}): () => void {
    return this.#watch(
      this.#sales,
      id,
      () => new Watched<SaleState, SaleInput>("sale", id, reduceSale),
      listener,
      options,
    );
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

  reconnect(): void {
    for (const each of this.#watches()) each.feed({ kind: "user" });
    this.#connection?.reopen();
    this.#fallback.check();
  }

  /** Takes a body that somebody has read. */
  feedAuction(auction: Auction): void {
    this.#auctions.get(auction.id)?.feed({ kind: "body", auction });
  }

  /** The same for a flash sale. */
  feedSale(sale: FlashSale): void {
    this.#sales.get(sale.id)?.feed({ kind: "body", sale });
  }

  /** The page was asleep, or the network or the page came back: whatever is open may be dead. */
  check(): void {
    this.#connection?.check();
    this.#fallback.check();
    this.#refresh();
  }

  close(): void {
    for (const each of this.#watches()) clearTimeout(each.linger);
    this.#auctions.clear();
    this.#sales.clear();
    this.#userListeners.clear();
    this.#stop();
  }

  // ---- watching ----

  #watch<S extends AuctionState | SaleState, I>(
    map: Map<string, Watched<S, I>>,
    id: string,
    make: () => Watched<S, I>,
    listener: (state: S) => void,
    options: WatchOptions,
  ): () => void {
    const known = map.get(id);
    if (known === undefined && this.#auctions.size + this.#sales.size >= WATCHED_MAX) {
      throw new RangeError(`At most ${String(WATCHED_MAX)} auctions and sales can be watched`);
    }
    const watched = known ?? make();
    map.set(id, watched);
    clearTimeout(watched.linger);
    this.#order += 1;
    watched.order = this.#order;
    const remove = watched.listen(listener, options);
    this.#start();
    if (known === undefined) this.#bodies.want(watched);
    this.#sync();
    return () => {
      remove();
      clearTimeout(watched.linger);
      if (watched.abandoned)
        watched.linger = setTimeout(() => {
          this.#forget(map, watched);
        }, LINGER_MS);
    };
  }

  #forget<S extends AuctionState | SaleState, I>(map: Map<string, Watched<S, I>>, watched: Watched<S, I>): void {
    map.delete(watched.id);
    this.#sync();
    this.#stopLater();
  }

  #find(kind: Kind, id: string): WatchedAuction | WatchedSale | undefined {
    return kind === "auction" ? this.#auctions.get(id) : this.#sales.get(id);
  }

  #watches(): (WatchedAuction | WatchedSale)[] {
    return [...this.#auctions.values(), ...this.#sales.values()];
  }

  /** All that the socket should watch. */
  #all(): Wanted[] {
    return this.#watches();
  }

  /** All that the socket does not watch, the visible and newest ones first. */
  #unserved(): Wish[] {
    const ready = this.#connection?.ready === true;
    return this.#watches()
      .filter((each) => !each.refused && !(ready && this.#subscriptions.has(each.id)))
      .sort((a, b) => Number(b.visible) - Number(a.visible) || b.order - a.order);
  }

  /** Gives out the places of socket and event streams anew. */
  #sync(): void {
    this.#subscriptions.sync();
    const ready = this.#connection?.ready === true;
    if (ready) this.#fallback.setMode(this.#unserved().length > 0 ? "overflow" : "off");
    this.#fallback.sync();
    this.#refresh();
  }

  // ---- connecting ----

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
      if (this.#watches().length === 0 && this.#userListeners.size === 0) this.#stop();
    }, LINGER_MS);
  }

  #stop(): void {
    this.#running = false;
    clearTimeout(this.#fallbackTimer);
    clearTimeout(this.#idleTimer);
    this.#connection?.close();
    this.#subscriptions.reset(false);
    this.#fallback.setMode("off");
    this.#bodies.stop();
    this.#refresh();
  }

  #awaitSocket(ms: number): void {
    clearTimeout(this.#fallbackTimer);
    this.#fallbackTimer = setTimeout(() => {
      this.#fallback.setMode("full");
    }, ms);
  }

  #onReady(): void {
    clearTimeout(this.#fallbackTimer);
    for (const each of this.#watches()) each.stream = null;
    this.#subscriptions.reset(true);
    this.#sync();
    for (const each of this.#watches())
      if ((each.state?.terms ?? null) === null) this.#bodies.want(each, SPREAD_MS * Math.random());
  }

  #onLost(): void {
    for (const each of this.#watches()) if (each.stream === "socket") each.stream = null;
    this.#subscriptions.reset(false);
    if (this.#fallback.mode !== "full") this.#awaitSocket(FALLBACK_AFTER_MS);
    this.#refresh();
  }

  #lostStream(id: string): void {
    const watched = this.#auctions.get(id);
    if (watched?.stream === "events") watched.stream = null;
    this.#refresh();
  }

  #setPolled(succeeded: boolean): void {
    this.#polled = succeeded;
    this.#refresh();
  }

  #silence(): number {
    const soon = this.#options.clock.now() + MINUTE_MS;
    const ending = [...this.#auctions.values()].some(({ state }) => state?.status === "active" && state.endTime < soon);
    return ending ? LAST_MINUTE_SILENCE_MS : SILENCE_MS;
  }

  // ---- messages ----

  #dispatch(message: Message, stream: Stream): void {
    dispatch(message, {
      auction: (id, take) => {
        this.#take(this.#auctions.get(id), stream, take);
      },
      sale: (id, take) => {
        this.#take(this.#sales.get(id), stream, take);
      },
      user: (told) => {
        for (const each of [...this.#userListeners]) each(told);
      },
      refused: (refusal) => {
        this.#refused(refusal);
      },
    });
  }

  /** Feeds what a message has for something, and asks for what is missing then. */
  #take<S extends AuctionState | SaleState, I>(
    watched: Watched<S, I> | undefined,
    stream: Stream,
    take: (watched: Watched<S, I>, context: { live: boolean; replace: boolean }) => TakeResult,
  ): void {
    if (watched === undefined) return;
    const now = this.#options.mono();
    const replace = watched.doubt !== null && now - watched.doubt >= RESTORE_CONFIRM_MS;
    const live = this.#serves(stream);
    const result = take(watched, { live, replace });
    if (result === "doubtful") {
      watched.doubt ??= now;
      setTimeout(() => {
        this.#subscriptions.refresh(watched.id);
      }, RESTORE_CONFIRM_MS);
    } else if (result !== "private") {
      watched.doubt = null;
    }
    if (result === "snapshot" || result === "answer") watched.stream = stream;
    if (result === "snapshot") this.#askBody(watched);
    if (result === "gap") this.#askSnapshot(watched);
    this.#refresh();
  }

  /** Whether a stream is known to deliver. */
  #serves(stream: Stream | null): boolean {
    if (stream === "socket") return this.#connection?.ready === true && !this.#connection.suspect;
    return stream === "events" && this.#polled !== false;
  }

  /** Terms and the user's view may have changed; many clients learn that at the same moment. */
  #askBody(watched: Wish & { askedAt: number }): void {
    const now = this.#options.mono();
    if (now - watched.askedAt < ASK_AGAIN_MS) return;
    watched.askedAt = now;
    this.#bodies.want(watched, SPREAD_MS * Math.random());
  }

  #askSnapshot(watched: Wish & { askedAt: number }): void {
    const now = this.#options.mono();
    if (now - watched.askedAt < ASK_AGAIN_MS) return;
    watched.askedAt = now;
    if (this.#subscriptions.has(watched.id)) this.#subscriptions.refresh(watched.id);
    else this.#bodies.want(watched);
  }

  #refused(refusal: Message): void {
    const id = this.#subscriptions.idOf(refusal["id"]) ?? refusal["auctionId"] ?? refusal["flashSaleId"];
    if (typeof id !== "string") return;
    const watched = this.#auctions.get(id) ?? this.#sales.get(id);
    if (watched === undefined) return;
    watched.stream = null;
    if (refusal["error"] === "NOT_FOUND") watched.fail(new ApiError(0, refusal));
    this.#subscriptions.ended(id, refusal["error"] === "TOO_MANY_SUBSCRIPTIONS");
    this.#sync();
  }

  // ---- what the listeners see ----

  /** Sets the freshness of all states, and the status. */
  #refresh(): void {
    const { clock, mono } = this.#options;
    const heard = clock.now() - (mono() - (this.#connection?.heardAt ?? 0));
    for (const each of this.#watches()) {
      const live = each.doubt === null && this.#serves(each.stream);
      each.setFreshness(live ? "live" : "stale", live ? clock.now() : each.stream === "socket" ? heard : 0);
    }
    const status = this.#newStatus();
    if (status === this.#status) return;
    this.#status = status;
    for (const each of [...this.#statusListeners]) each(status);
  }

  #newStatus(): LiveStatus {
    if (this.#connection?.ready === true && !this.#connection.suspect) return "live";
    if (typeof navigator !== "undefined" && (navigator.onLine as boolean | undefined) === false) return "offline";
    if (!this.#running) return "live";
    if (this.#fallback.mode !== "full" || this.#polled === null) return "connecting";
    return this.#polled ? "fallback" : "offline";
  }
}
