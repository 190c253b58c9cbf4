// Updates without the socket. Called by live.ts, which sets the mode:
//
//   off       the socket delivers everything
//   overflow  it delivers what it has places for; the rest is polled
//   full      it is not open: Server-Sent Events for a few auctions and sales, and polling for all
//
// Browsers open few connections to one host, so only what was watched last gets a stream. An EventSource does not notice a
// dead connection; the polls do, and a state is live only while they succeed. A stream that fails is opened anew instead
// of being resumed: a resumed one sends no state if nothing has changed, so nobody would know that it delivers again.
import type { Message } from "./connection.ts";
import type { Bodies, Wish } from "./bodies.ts";
import type { Kind } from "./subscriptions.ts";

/** Time between two polls. */
export const POLL_MS = 5_000;
/** A page in the background polls so many times more slowly. */
const HIDDEN_FACTOR = 6;
/** Event streams at a time. */
export const STREAMS_MAX = 3;
/** The least time before a failed stream is opened anew; a random part of it is added. */
export const REOPEN_MS = 1_000;

const PATHS: Readonly<Record<Kind, string>> = { auction: "auctions", sale: "flash-sales" };

export type EventSourceConstructor = new (url: string) => EventSource;

/** What it needs, and whom it calls. */
export interface FallbackOptions {
  readonly baseUrl: string;
  readonly EventSource: EventSourceConstructor | undefined;
  readonly bodies: Bodies;
  /** All that has no place at the socket, the most important first. */
  readonly wanted: () => readonly Wish[];
  readonly onMessage: (message: Message) => void;
  /** A stream has ended, for now or for good. */
  readonly onStreamLost: (id: string) => void;
  /** A poll has succeeded or failed. */
  readonly onPoll: (succeeded: boolean) => void;
}

export type FallbackMode = "off" | "overflow" | "full";

/** See above. */
export class Fallback {
  readonly #options: FallbackOptions;
  readonly #streams = new Map<string, EventSource>();
  #mode: FallbackMode = "off";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FallbackOptions) {
    this.#options = options;
  }

  get mode(): FallbackMode {
    return this.#mode;
  }

  setMode(mode: FallbackMode): void {
    if (this.#mode === mode) return;
    this.#mode = mode;
    this.sync();
    clearTimeout(this.#timer);
    if (mode !== "off") void this.#poll();
  }

  /** Opens the streams anew and polls at once, after the page or the network came back: old streams may be dead. */
  check(): void {
    if (this.#mode === "off") return;
    for (const id of [...this.#streams.keys()]) this.#closeStream(id);
    this.sync();
    this.#pollNow();
  }

  #pollNow(): void {
    clearTimeout(this.#timer);
    void this.#poll();
  }

  /** Opens and closes streams so that they fit what is wanted. */
  sync(): void {
    const { EventSource, wanted } = this.#options;
    if (EventSource === undefined) return;
    const chosen = new Map(
      (this.#mode === "full" ? wanted().slice(0, STREAMS_MAX) : []).map((each) => [each.id, each]),
    );
    for (const id of [...this.#streams.keys()]) if (!chosen.has(id)) this.#closeStream(id);
    // A failed stream waits for its time.
    if (this.#reopen !== undefined) return;
    for (const each of chosen.values()) if (!this.#streams.has(each.id)) this.#openStream(each, EventSource);
  }

  /** Opens a stream anew, for another snapshot; or polls, if it has none. */
  restart(id: string): void {
    if (this.#streams.has(id)) {
      this.#closeStream(id);
      this.sync();
    } else if (this.#mode !== "off") {
      this.#pollNow();
    }
  }

  #openStream({ kind, id }: Wish, EventSource: EventSourceConstructor): void {
    const stream = new EventSource(`${this.#options.baseUrl}/api/v1/${PATHS[kind]}/${id}/events`);
    this.#streams.set(id, stream);
    stream.addEventListener("message", (event: MessageEvent) => {
      if (this.#streams.get(id) === stream) this.#options.onMessage(JSON.parse(String(event.data)) as Message);
    });
    stream.addEventListener("error", () => {
      if (this.#streams.get(id) !== stream) return;
      this.#reopen ??= setTimeout(
        () => {
          this.#reopen = undefined;
          this.sync();
        },
        REOPEN_MS * (1 + Math.random()),
      );
      this.#closeStream(id);
    });
  }

  #closeStream(id: string): void {
    this.#streams.get(id)?.close();
    this.#streams.delete(id);
    this.#options.onStreamLost(id);
  }

  async #poll(): Promise<void> {
    let succeeded = true;
    try {
      await this.#options.bodies.read(this.#options.wanted(), true);
    } catch {
      succeeded = false;
    }
    if (this.#mode === "off") return;
    this.#options.onPoll(succeeded);
    this.sync();
    const hidden = typeof document !== "undefined" && document.hidden;
    const pause = POLL_MS * (hidden ? HIDDEN_FACTOR : 1) * (0.8 + 0.4 * Math.random());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), pause);
  }
}
