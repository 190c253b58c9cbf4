// Which auctions and sales the socket watches: at most 100, those that are visible and newest first. Commands are sent at
// a rate below the server's limit. Called by live.ts.
import type { Command } from "../types.ts";

/** What a connection may watch; the API promises so many. */
export const SUBSCRIPTIONS_MAX = 100;
/** Commands within SEND_WINDOW_MS; the server closes at 300. */
export const SENDS_MAX = 200;
const SEND_WINDOW_MS = 10_000;
/** Before another try after a refusal. */
export const RESUBSCRIBE_MS = 2_000;

export type Kind = "auction" | "sale";

/** Something that is watched, as this module sees it. */
export interface Wanted {
  readonly kind: Kind;
  readonly id: string;
  /** The server knows no such thing. */
  readonly missing: boolean;
}

/** An entry that the server was asked to watch. */
interface Asked {
  readonly kind: Kind;
  readonly id: string;
  command: number;
}

/** What the owner does for it. */
export interface SubscriptionsOptions {
  readonly mono: () => number;
  readonly send: (command: Command) => void;
  /** All that is watched, the most important first. */
  readonly wanted: () => readonly Wanted[];
  /** The socket no longer watches this, because something else has its place. */
  readonly onLeft: (id: string) => void;
}

function subscribeCommand(kind: Kind, id: string, command: number): Command {
  return kind === "auction"
    ? { type: "subscribe", auctionId: id, id: command }
    : { type: "inventory:watch", flashSaleId: id, id: command };
}

function unsubscribeCommand(kind: Kind, id: string): Command {
  return kind === "auction" ? { type: "unsubscribe", auctionId: id } : { type: "inventory:unwatch", flashSaleId: id };
}

/** See above. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #asked = new Map<string, Asked>();
  #limit = SUBSCRIPTIONS_MAX;
  #commands = 0;
  #sent: number[] = [];
  #later: ReturnType<typeof setTimeout> | undefined;
  #connected = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** A connection is ready, or lost: it watches nothing. */
  reset(connected: boolean): void {
    this.#asked.clear();
    this.#limit = SUBSCRIPTIONS_MAX;
    this.#sent = [];
    clearTimeout(this.#later);
    this.#connected = connected;
    this.sync();
  }

  has(id: string): boolean {
    return this.#asked.has(id);
  }

  /** Sends what makes the server watch what is wanted. */
  sync(): void {
    if (!this.#connected) return;
    const wanted = this.#options
      .wanted()
      .filter((each) => !each.missing)
      .slice(0, this.#limit);
    const ids = new Set(wanted.map((each) => each.id));
    for (const { kind, id } of [...this.#asked.values()]) {
      if (!ids.has(id) && this.#spend()) {
        this.#asked.delete(id);
        this.#options.send(unsubscribeCommand(kind, id));
        this.#options.onLeft(id);
      }
    }
    for (const { kind, id } of wanted) {
      if (!this.#asked.has(id) && this.#asked.size < this.#limit && this.#spend()) this.#ask(kind, id);
    }
  }

  /** Asks for a new snapshot of something that is watched. */
  refresh(id: string): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined && this.#spend()) this.#ask(asked.kind, id);
  }

  /** The id that the command with this number is about. */
  idOf(command: unknown): string | null {
    for (const each of this.#asked.values()) if (each.command === command) return each.id;
    return null;
  }

  /** The server does not watch it: a refusal, or the end of the subscription. `full`: it watches too many. */
  ended(id: string, full: boolean): void {
    this.#asked.delete(id);
    if (full) this.#limit = Math.max(1, this.#asked.size);
    this.#syncLater(RESUBSCRIBE_MS * (1 + Math.random()));
  }

  #ask(kind: Kind, id: string): void {
    this.#commands += 1;
    this.#asked.set(id, { kind, id, command: this.#commands });
    this.#options.send(subscribeCommand(kind, id, this.#commands));
  }

  /** Takes one of the commands that may be sent now. If there is none, sync() runs again later. */
  #spend(): boolean {
    const now = this.#options.mono();
    this.#sent = this.#sent.filter((each) => each > now - SEND_WINDOW_MS);
    const [oldest] = this.#sent;
    if (this.#sent.length >= SENDS_MAX && oldest !== undefined) {
      this.#syncLater(oldest + SEND_WINDOW_MS - now + 1);
      return false;
    }
    this.#sent.push(now);
    return true;
  }

  #syncLater(ms: number): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      this.sync();
    }, ms);
  }
}
