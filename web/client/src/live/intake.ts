// Takes the messages of both streams: feeds them to the states, and asks for what is missing then. Called by live.ts.
import { ApiError } from "../errors.ts";
import type { UserMessage } from "../types.ts";
import type { Bodies } from "./bodies.ts";
import type { Message } from "./connection.ts";
import type { Fallback } from "./fallback.ts";
import { dispatch, type Context, type Stream, type TakeResult } from "./messages.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { AnyWatched, WatchList } from "./watch-list.ts";

/**
 * A snapshot that is older than the state may come from a gateway that lags behind for a moment. If there is still an
 * older one after this time, the database was restored, and the snapshot replaces the state.
 */
export const RESTORE_CONFIRM_MS = 2_500;
/** The least time between two requests for the same thing. */
const ASK_AGAIN_MS = 1_000;
/** Bodies that many clients may want at the same moment are read within this time. */
export const SPREAD_MS = 1_000;

/** What it works on, and whom it calls. */
export interface IntakeOptions {
  readonly list: WatchList;
  readonly subscriptions: Subscriptions;
  readonly fallback: Fallback;
  readonly bodies: Bodies;
  readonly mono: () => number;
  /** Whether a stream is known to deliver. */
  readonly serves: (stream: Stream) => boolean;
  readonly onUser: (message: UserMessage) => void;
  readonly onTaken: () => void;
  readonly onRefused: () => void;
}

/** See above. */
export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Takes a message of the server. */
  take(message: Message, stream: Stream): void {
    const { list, onUser } = this.#options;
    dispatch(message, {
      auction: (id, take) => {
        const watched = list.auctions.get(id);
        if (watched !== undefined) this.#settle(watched, stream, take(watched, this.#context(watched, stream)));
      },
      sale: (id, take) => {
        const watched = list.sales.get(id);
        if (watched !== undefined) this.#settle(watched, stream, take(watched, this.#context(watched, stream)));
      },
      user: onUser,
      refused: (refusal) => this.#refused(refusal),
    });
  }

  #context({ doubt, stream: present }: AnyWatched, stream: Stream): Context {
    const replace = doubt !== null && this.#options.mono() - doubt >= RESTORE_CONFIRM_MS;
    return { serves: this.#options.serves(stream), follows: present === stream, replace };
  }

  /** Draws the conclusions of what a message was. */
  #settle(watched: AnyWatched, stream: Stream, result: TakeResult): void {
    if (result === "doubtful") watched.doubt ??= this.#options.mono();
    else if (result !== "private") watched.doubt = null;
    if (result === "snapshot" || result === "answer" || result === "doubtful") watched.stream = stream;
    if (result === "snapshot") this.#askBody(watched);
    if (result === "doubtful") this.#pursue(watched, RESTORE_CONFIRM_MS);
    if (result === "gap") this.#pursue(watched, ASK_AGAIN_MS - (this.#options.mono() - watched.askedAt));
    this.#options.onTaken();
  }

  /** Reads the body, unless that was done a moment ago: terms and the user's view may have changed. */
  #askBody(watched: AnyWatched): void {
    const now = this.#options.mono();
    if (now - watched.bodyAt < ASK_AGAIN_MS) return;
    watched.bodyAt = now;
    this.#options.bodies.want(watched, SPREAD_MS * Math.random());
  }

  /** Asks for another snapshot after this time, and again while one is needed. */
  #pursue(watched: AnyWatched, delayMs: number): void {
    watched.pursuit ??= setTimeout(
      () => {
        watched.pursuit = undefined;
        const needed = watched.doubt !== null || watched.gap;
        if (!needed || this.#options.list.find(watched.kind, watched.id) !== watched) return;
        watched.askedAt = this.#options.mono();
        this.#askSnapshot(watched);
        this.#pursue(watched, RESTORE_CONFIRM_MS);
      },
      Math.max(0, delayMs),
    );
  }

  #askSnapshot({ id }: AnyWatched): void {
    const { subscriptions, fallback } = this.#options;
    if (subscriptions.has(id)) subscriptions.refresh(id);
    else fallback.restart(id);
  }

  /** The server refused a subscription, or has ended it. */
  #refused(refusal: Message): void {
    const { list, subscriptions, onRefused } = this.#options;
    const id = subscriptions.idOf(refusal["id"]) ?? refusal["auctionId"] ?? refusal["flashSaleId"];
    if (typeof id !== "string") return;
    const watched = list.auctions.get(id) ?? list.sales.get(id);
    if (watched === undefined) return;
    watched.stream = null;
    if (refusal["error"] === "NOT_FOUND") watched.fail(new ApiError(0, refusal));
    subscriptions.ended(id, refusal["error"] === "TOO_MANY_SUBSCRIPTIONS");
    onRefused();
  }
}
