// One WebSocket that is kept open: authentication, heartbeat, and reconnection. It knows nothing of subscriptions.
//
//   closed ──open()──▶ opening ──▶ authenticating (with a token) ──▶ ready ──lost──▶ waiting ──▶ opening …
//
// Each message restarts the heartbeat. After a silence a ping is sent; without any message until the deadline the
// connection is dead and another one is opened. `suspect` comes earlier: from then on states are shown as stale.
import { backoffMs, RECONNECT_BACKOFF, RECONNECT_HINT_MAX_MS } from "../backoff.ts";
import type { ServerClock } from "../clock.ts";
import { currentToken, type Token } from "../http.ts";
import type { Command } from "../types.ts";

/** From the start of a handshake to its end, and from `auth` to its answer. */
export const OPEN_DEADLINE_MS = 5_000;
/** Without an answer to a ping for so long, states are stale. */
export const SUSPECT_MS = 1_500;
/** Without an answer to a ping for so long, the connection is dead. */
export const PONG_DEADLINE_MS = 4_000;
/** How often the heartbeat looks. */
const TICK_MS = 500;
/** A connection that held so long ends the series of failed ones. */
const STABLE_MS = 5_000;
/** The least wait after the server closed for a fault of ours or an ended session. */
const REFUSED_WAIT_MS = 5_000;

const SUBPROTOCOL = "rostrum.v1";
const NORMAL = 1000;
const GOING_AWAY = 1001;
const POLICY = 1008;
const TOKEN_EXPIRED = 4001;

/** A message of the server, before its kind is known. */
export type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** Any WebSocket of browsers or Node. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocket;

/** What the connection needs, and whom it calls. */
export interface ConnectionOptions {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly token: Token | undefined;
  readonly clock: ServerClock;
  readonly mono: () => number;
  /** The silence after which a ping is sent. */
  readonly silenceMs: () => number;
  /** Commands may be sent from now on. */
  readonly onReady: () => void;
  readonly onMessage: (message: Message) => void;
  /** The connection is lost; another try follows. */
  readonly onLost: () => void;
  /** Whether an answer to a ping is overdue. */
  readonly onSuspect: (suspect: boolean) => void;
  /** The server closed it, as it does when session or token have ended. */
  readonly onEnded: () => void;
}

/** The time in `reconnect in N ms`, or null. */
export function reconnectHint(reason: string): number | null {
  const found = /reconnect in (\d+) ms/.exec(reason);
  return found === null ? null : Math.min(Number(found[1]), RECONNECT_HINT_MAX_MS);
}

/** See above. */
export class Connection {
  readonly #options: ConnectionOptions;
  #wanted = false;
  #ready = false;
  #suspect = false;
  #socket: WebSocket | null = null;
  #failures = 0;
  #openedAt = 0;
  #heardAt = 0;
  #pings = new Map<string, number>();
  #pingId = 0;
  #token: string | null = null;
  #refused: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get suspect(): boolean {
    return this.#suspect;
  }

  /** The monotonic time of the newest message. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Opens it, and keeps it open until close(). */
  open(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failures = 0;
    this.#connect();
  }

  close(): void {
    this.#wanted = false;
    this.#drop();
  }

  /** Opens another connection, as another user perhaps. */
  reopen(): void {
    if (!this.#wanted) return;
    this.#drop();
    this.#failures = 0;
    this.#refused = undefined;
    this.#options.onLost();
    this.#connect();
  }

  /**
   * Tries at once if it waits for the next try; sends a ping if it is open. Called when the network or the page comes back,
   * or when the network has gone: then an answer is doubtful.
   */
  check(doubtful: boolean): void {
    if (!this.#wanted) return;
    if (this.#ready) {
      const silent = this.#options.mono() - this.#heardAt;
      if (doubtful || silent > this.#options.silenceMs() + SUSPECT_MS) this.#setSuspect(true);
      this.#ping();
    } else if (this.#socket === null) {
      clearTimeout(this.#timer);
      this.#connect();
    }
  }

  /** Sends a command. Only while ready. */
  send(command: Command): void {
    this.#socket?.send(JSON.stringify(command));
  }

  #connect(): void {
    let socket: WebSocket;
    try {
      socket = new this.#options.WebSocket(this.#options.url, [SUBPROTOCOL]);
    } catch {
      this.#lose(null);
      return;
    }
    this.#socket = socket;
    const mine = (): boolean => this.#socket === socket;
    this.#setDeadline();
    socket.addEventListener("open", () => {
      if (mine()) void this.#authenticate(socket);
    });
    socket.addEventListener("message", (event) => {
      if (mine()) this.#hear(String(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (mine()) this.#lose(event);
    });
    socket.addEventListener("error", () => {
      // "close" follows.
    });
  }

  /** Ends a handshake or an authentication that takes too long. */
  #setDeadline(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lose(null);
    }, OPEN_DEADLINE_MS);
  }

  async #authenticate(socket: WebSocket): Promise<void> {
    let token: string | null = null;
    try {
      token = await currentToken(this.#options.token, this.#refused);
    } catch {
      // Without a token the connection is a guest's.
    }
    if (this.#socket !== socket) return;
    this.#heardAt = this.#options.mono();
    this.#token = token;
    // A token that was refused before is not sent again.
    if (token === null || token === this.#refused) this.#begin();
    else this.send({ type: "auth", id: "auth", token });
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#ready = true;
    this.#openedAt = this.#options.mono();
    this.#heartbeat = setInterval(() => {
      this.#beat();
    }, TICK_MS);
    this.#options.onReady();
    this.#ping();
  }

  #hear(text: string): void {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      return; // the server sends only JSON; whatever this is, it is not for us
    }
    this.#heardAt = this.#options.mono();
    if (message.type === "pong") this.#pong(message);
    else if (message["id"] === "auth") this.#authenticated(message);
    else this.#options.onMessage(message);
  }

  #authenticated(message: Message): void {
    if (this.#ready) return;
    this.#refused = message.type === "authenticated" ? undefined : (this.#token ?? undefined);
    this.#begin();
  }

  #ping(): void {
    this.#pingId += 1;
    const id = `ping-${String(this.#pingId)}`;
    this.#pings.set(id, this.#options.mono());
    this.send({ type: "ping", id });
  }

  #pong(message: Message): void {
    const sent = this.#pings.get(String(message["id"]));
    if (sent === undefined) return;
    this.#pings.clear();
    this.#options.clock.sample(sent, this.#heardAt, Date.parse(String(message["serverTime"])));
    this.#setSuspect(false);
  }

  #beat(): void {
    const now = this.#options.mono();
    const [oldest] = this.#pings.values();
    if (oldest === undefined) {
      if (now - this.#heardAt >= this.#options.silenceMs()) this.#ping();
      return;
    }
    // Other messages show as well that the connection lives.
    const silent = now - Math.max(oldest, this.#heardAt);
    if (silent >= PONG_DEADLINE_MS) {
      this.#lose(null);
    } else if (silent >= SUSPECT_MS) {
      this.#setSuspect(true);
    }
  }

  #setSuspect(suspect: boolean): void {
    if (this.#suspect === suspect) return;
    this.#suspect = suspect;
    this.#options.onSuspect(suspect);
  }

  /** Forgets the socket. A dead one may take minutes to close, so nobody waits for it. */
  #drop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#pings.clear();
    this.#ready = false;
    this.#suspect = false;
    try {
      socket?.close(NORMAL);
    } catch {
      // It was not open yet; it is forgotten anyway.
    }
  }

  #lose(event: CloseEvent | null): void {
    const held = this.#ready ? this.#options.mono() - this.#openedAt : 0;
    this.#drop();
    this.#failures = held >= STABLE_MS ? 1 : this.#failures + 1;
    this.#timer = setTimeout(() => {
      this.#connect();
    }, this.#waitAfter(event));
    this.#options.onLost();
    // 4001 of what has expired; 1008 of a session that was ended, of a banned user, and of faults of ours.
    if (event?.code === TOKEN_EXPIRED || event?.code === POLICY) this.#options.onEnded();
  }

  #waitAfter(event: CloseEvent | null): number {
    const pause = backoffMs(this.#failures, RECONNECT_BACKOFF);
    if (event?.code === GOING_AWAY) return reconnectHint(event.reason) ?? pause;
    if (event?.code !== TOKEN_EXPIRED && event?.code !== POLICY) return pause;
    this.#refused = this.#token ?? undefined;
    return event.code === POLICY ? Math.max(pause, REFUSED_WAIT_MS) : pause;
  }
}
