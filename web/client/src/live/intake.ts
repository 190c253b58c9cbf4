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
    if (result === "doubtful") this.#doubt(watched, stream);
    else if (result !== "private") watched.doubt = null;
    if (result === "snapshot" || result === "answer") watched.stream = stream;
    if (result === "snapshot") this.#ask(watched, () => this.#options.bodies.want(watched, SPREAD_MS * Math.random()));
    if (result === "gap") this.#ask(watched, () => this.#askSnapshot(watched));
    this.#options.onTaken();
  }

  /** Asks for another snapshot later, and only once. */
  #doubt(watched: AnyWatched, stream: Stream): void {
    watched.stream = stream;
    watched.doubt ??= this.#options.mono();
    clearTimeout(watched.recheck);
    watched.recheck = setTimeout(() => {
      if (watched.doubt !== null) this.#askSnapshot(watched);
    }, RESTORE_CONFIRM_MS);
  }

  /** Asks unless that was done a moment ago. Terms and the user's view may have changed, or bids are missing. */
  #ask(watched: AnyWatched, ask: () => void): void {
    const now = this.#options.mono();
    if (now - watched.askedAt < ASK_AGAIN_MS) return;
    watched.askedAt = now;
    ask();
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
