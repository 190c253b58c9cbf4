// Says what a message is about, and feeds it to the state. A table of kinds; unknown kinds are ignored. Called by live.ts.
import type { AuctionInput, AuctionState } from "../auction-state.ts";
import type { SaleInput, SaleState } from "../sale-state.ts";
import type {
  AuctionUpdate,
  BidResult,
  OrderUpdate,
  PositionUpdate,
  SaleUpdate,
  Snapshot,
  UserMessage,
} from "../types.ts";
import type { Message } from "./connection.ts";
import type { Watched } from "./watched.ts";

/** The stream that has brought a message. */
export type Stream = "socket" | "events";

/**
 * What a message was: the `answer` to a subscription; another `snapshot`, which replaces the state; an `update`; an update
 * after which bids are missing (`gap`); a snapshot that is older than the state (`doubtful`); or `private`: for the user
 * alone, or too old to say anything about the stream.
 */
export type TakeResult = "answer" | "snapshot" | "update" | "gap" | "doubtful" | "private";

/** What is known of the stream. */
export interface Context {
  /** It delivers what follows. */
  readonly serves: boolean;
  /** It has brought a snapshot before. */
  readonly follows: boolean;
  /** A snapshot that is older than the state is to be believed. */
  readonly replace: boolean;
}

type Take<W> = (watched: W, context: Context) => TakeResult;

/** Where the parts of a message go. */
export interface Targets {
  readonly auction: (id: string, take: Take<Watched<AuctionState, AuctionInput>>) => void;
  readonly sale: (id: string, take: Take<Watched<SaleState, SaleInput>>) => void;
  readonly user: (message: UserMessage) => void;
  readonly refused: (refusal: Message) => void;
}

function onSnapshot(message: Snapshot, { auction }: Targets): void {
  auction(message.auctionId, (watched, { serves, replace }) => {
    const older = watched.state !== null && message.seq < watched.state.version && !replace;
    watched.feed({ kind: "snapshot", message, live: serves, replace });
    if (older) return "doubtful";
    return message.id === undefined && message.you === undefined ? "snapshot" : "answer";
  });
}

function onUpdate(message: AuctionUpdate, { auction }: Targets): void {
  auction(message.auctionId, (watched, { serves, follows }) => {
    const older = watched.state !== null && message.seq < watched.state.version;
    // Without a snapshot of this stream it is not known what came before.
    watched.feed({ kind: "update", message, live: serves && follows });
    if (watched.gap) return "gap";
    return older ? "private" : "update";
  });
}

function onSale(message: SaleUpdate, { sale }: Targets): void {
  sale(message.flashSaleId, (watched, { serves, replace }) => {
    const older = watched.state !== null && message.version < watched.state.version && !replace;
    watched.feed({ kind: "update", message, live: serves, replace });
    return older ? "doubtful" : "answer";
  });
}

function onResult(message: BidResult, { auction, user }: Targets): void {
  auction(message.auctionId, (watched) => {
    watched.feed({ kind: "result", message });
    return "private";
  });
  user(message);
}

function onPosition(message: PositionUpdate, { sale, user }: Targets): void {
  sale(message.flashSaleId, (watched) => {
    watched.feed({ kind: "position", message });
    return "private";
  });
  user(message);
}

function onOrder(message: OrderUpdate, { sale, user }: Targets): void {
  sale(message.flashSaleId, (watched) => {
    watched.feed({ kind: "order", message });
    return "private";
  });
  user(message);
}

type Handler = (message: never, targets: Targets) => void;

const HANDLERS: Readonly<Record<string, Handler>> = {
  snapshot: onSnapshot,
  bid_placed: onUpdate,
  auction_started: onUpdate,
  auction_extended: onUpdate,
  auction_ended: onUpdate,
  auction_sold: onUpdate,
  auction_unsold: onUpdate,
  auction_cancelled: onUpdate,
  auction_updated: onUpdate,
  auction_ending_soon: onUpdate,
  "inventory:update": onSale,
  "sale:status-change": onSale,
  bid_result: onResult,
  "queue:position-update": onPosition,
  "order:update": onOrder,
  notification: (message: UserMessage, { user }) => {
    user(message);
  },
  error: (message: Message, { refused }) => {
    refused(message);
  },
};

/** Passes a message on. */
export function dispatch(message: Message, targets: Targets): void {
  if (Object.hasOwn(HANDLERS, message.type)) HANDLERS[message.type]?.(message as never, targets);
}
