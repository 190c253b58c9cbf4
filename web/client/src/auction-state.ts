// The state of an auction, and the reducer that REST bodies, messages of the socket and Server-Sent Events all feed.
// Pure: no I/O, no clock.
//
// - The public values never go back to an older version. `seq` of messages and `version` of bodies are the same number.
// - Each message of a version holds all public values, so they are right even after a gap. Only the history of bids then
//   has a gap; `gap` says so until the next snapshot.
// - A body of REST has no bids, so `historyVersion` may be behind `version`. The messages in between still bring theirs.
// - A snapshot with a lower version is ignored unless the caller says `replace`: the database may have been restored.
import { readIncrements, type Increments } from "./increments.ts";
import { toMinor } from "./money.ts";
import type { Auction, AuctionStatus, AuctionUpdate, BidResult, Freshness, Minor, Snapshot } from "./types.ts";
import { readYou, youAfterBids, youAfterResult, type You } from "./you.ts";

/** How many bids a state keeps. */
export const HISTORY_MAX = 50;

/** A bid of the public history. */
export interface PublicBid {
  readonly bidId: string;
  /** A pseudonym, stable within the auction. */
  readonly bidder: string;
  readonly amount: Minor;
  readonly isProxyBid: boolean;
  /** Server time in ms. */
  readonly createdAt: number;
}

/** What the terms of an auction say, as far as a bidder needs it. */
export interface Terms {
  readonly hasReserve: boolean;
  readonly originalEndTime: number;
  readonly antiSnipe: {
    readonly windowSeconds: number;
    readonly extensionSeconds: number;
    readonly maxExtensions: number | null;
  };
}

/** All that is known of an auction. Immutable. Times are the server's, in ms since 1970. */
export interface AuctionState {
  readonly id: string;
  readonly version: number;
  readonly status: AuctionStatus;
  readonly title: string;
  readonly currency: string;
  readonly startingPrice: Minor;
  /** Null before the first bid. */
  readonly currentBid: Minor | null;
  readonly minimumBid: Minor;
  /** Null if there is none any more, or none is known. */
  readonly buyNowPrice: Minor | null;
  readonly bidCount: number;
  readonly reserveMet: boolean;
  readonly startTime: number;
  readonly endTime: number;
  /** How often the end was seen to move. */
  readonly extensions: number;
  /** The newest bids, the newest first. */
  readonly bids: readonly PublicBid[];
  /** The pseudonym of the high bidder, if the history shows it. */
  readonly leader: string | null;
  /** The user's own view. Null for guests, and until it is known. */
  readonly you: You | null;
  /** Null until a body of REST was read, or if the auction names a table that this version does not know. */
  readonly increments: Increments | null;
  /** Null until a body of REST was read. */
  readonly terms: Terms | null;
  /** The version up to which `bids` has all that happened. */
  readonly historyVersion: number;
  /** Whether bids are missing in `bids`. */
  readonly gap: boolean;
  readonly freshness: Freshness;
  /** Server time at which this state was current for certain. */
  readonly asOf: number;
}

/** What feeds the reducer. `live`: it comes from a stream that delivers what follows. */
export type AuctionInput =
  | { readonly kind: "snapshot"; readonly message: Snapshot; readonly live: boolean; readonly replace?: boolean }
  | { readonly kind: "update"; readonly message: AuctionUpdate; readonly live: boolean }
  | { readonly kind: "body"; readonly auction: Auction }
  | { readonly kind: "result"; readonly message: BidResult }
  | { readonly kind: "freshness"; readonly freshness: Freshness; readonly asOf: number }
  /** Another user is logged in, or nobody. */
  | { readonly kind: "user" };

type Changes = Partial<AuctionState>;

/** A time of the API in ms. */
export function toMs(time: string): number {
  return Date.parse(time);
}

function readBids(bids: AuctionUpdate["bids"]): PublicBid[] {
  return bids.map((each) => ({ ...each, amount: toMinor(each.amount), createdAt: toMs(each.createdAt) }));
}

/** The public values that messages and bodies share. */
function readValues(
  from: AuctionUpdate | Snapshot | Auction,
): Pick<AuctionState, "status" | "currentBid" | "minimumBid" | "bidCount" | "reserveMet" | "endTime"> {
  return {
    status: from.status,
    currentBid: from.currentBid === null ? null : toMinor(from.currentBid),
    minimumBid: toMinor(from.minimumBid),
    bidCount: from.bidCount,
    reserveMet: from.reserveMet,
    endTime: toMs(from.endTime),
  };
}

/** Whether the end moved while bids were accepted: an extension, by a bid or by an admin. */
function extensions(state: AuctionState, endTime: number): number {
  return state.extensions + (state.version > 0 && state.status === "active" && endTime > state.endTime ? 1 : 0);
}

/** The high bidder: the newest public bid is the one that made the price. */
function leaderOf(bids: readonly PublicBid[], currentBid: Minor | null): string | null {
  const newest = bids[0] ?? null;
  return newest !== null && newest.amount === currentBid ? newest.bidder : null;
}

/** Buy now ends with the first bid that meets the reserve. */
function buyNow(
  price: Minor | null,
  { currentBid, reserveMet }: Pick<AuctionState, "currentBid" | "reserveMet">,
): Minor | null {
  return currentBid !== null && reserveMet ? null : price;
}

/** A state of which nothing is known yet. */
function emptyState(id: string): AuctionState {
  return {
    id,
    version: 0,
    status: "draft",
    title: "",
    currency: "USD",
    startingPrice: 0,
    currentBid: null,
    minimumBid: 0,
    buyNowPrice: null,
    bidCount: 0,
    reserveMet: false,
    startTime: 0,
    endTime: 0,
    extensions: 0,
    bids: [],
    leader: null,
    you: null,
    increments: null,
    terms: null,
    historyVersion: 0,
    gap: false,
    freshness: "stale",
    asOf: 0,
  };
}

function freshness(live: boolean, serverTime: string, state: AuctionState): Pick<AuctionState, "freshness" | "asOf"> {
  return { freshness: live ? "live" : state.freshness, asOf: Math.max(toMs(serverTime), state.asOf) };
}

/** A body of REST may be ahead of the stream. The snapshot then has the bids up to where the stream goes on. */
function onOlderSnapshot(state: AuctionState, message: Snapshot): Changes {
  if (message.seq < state.historyVersion) return {};
  return { bids: readBids(message.bids), historyVersion: message.seq, gap: false };
}

function onSnapshot(state: AuctionState, input: AuctionInput & { kind: "snapshot" }): Changes {
  const { message, live, replace = false } = input;
  if (message.seq < state.version && !replace) return onOlderSnapshot(state, message);
  const values = readValues(message);
  const bids = readBids(message.bids);
  const leader = leaderOf(bids, values.currentBid);
  const you = message.you === undefined ? youAfterBids(state.you, leader, values) : readYou(message.you, state.you);
  return {
    ...values,
    bids,
    leader,
    you,
    version: message.seq,
    historyVersion: message.seq,
    gap: false,
    title: message.title,
    currency: message.currency,
    startingPrice: toMinor(message.startingPrice),
    startTime: toMs(message.startTime),
    extensions: replace ? state.extensions : extensions(state, values.endTime),
    buyNowPrice: buyNow(state.buyNowPrice, values),
    ...freshness(live, message.serverTime, state),
  };
}

/** The bids with those of a message, without doubles. */
function withBids(state: AuctionState, message: AuctionUpdate): readonly PublicBid[] {
  const known = new Set(state.bids.map((each) => each.bidId));
  const added = readBids(message.bids).filter((each) => !known.has(each.bidId));
  return added.length === 0 ? state.bids : [...added, ...state.bids].slice(0, HISTORY_MAX);
}

function onUpdate(state: AuctionState, { message, live }: AuctionInput & { kind: "update" }): Changes {
  if (message.seq <= state.historyVersion) {
    return message.seq === state.version ? freshness(live, message.serverTime, state) : {};
  }
  const bids = withBids(state, message);
  const gap = state.gap || message.seq > state.historyVersion + 1;
  if (message.seq < state.version) return { bids, gap, historyVersion: message.seq };
  const values = readValues(message);
  const leader = leaderOf(bids, values.currentBid);
  return {
    ...values,
    bids,
    leader,
    gap,
    version: message.seq,
    historyVersion: message.seq,
    extensions: extensions(state, values.endTime),
    buyNowPrice: buyNow(state.buyNowPrice, values),
    you: youAfterBids(state.you, leader, values),
    ...freshness(live, message.serverTime, state),
  };
}

/** What only a body has. It belongs to the terms, which change rarely and only before the first bid. */
function readTerms(auction: Auction): Pick<AuctionState, "terms" | "increments"> {
  const { hasReserve, antiSnipe } = auction;
  return {
    increments: readIncrements(auction),
    terms: { hasReserve, antiSnipe, originalEndTime: toMs(auction.originalEndTime) },
  };
}

function onBody(state: AuctionState, { auction }: AuctionInput & { kind: "body" }): Changes {
  if (auction.version < state.version) return state.terms === null ? readTerms(auction) : {};
  const values = readValues(auction);
  const newer = auction.version > state.version;
  const leader = newer ? null : state.leader;
  const you = auction.you === undefined ? youAfterBids(state.you, leader, values) : readYou(auction.you, state.you);
  return {
    ...values,
    ...readTerms(auction),
    leader,
    you,
    version: auction.version,
    title: auction.title,
    currency: auction.currency,
    startingPrice: toMinor(auction.startingPrice),
    startTime: toMs(auction.startTime),
    extensions: extensions(state, values.endTime),
    buyNowPrice: auction.buyNowPrice === null ? null : toMinor(auction.buyNowPrice),
    ...(auction.stale === undefined ? freshness(false, auction.serverTime, state) : {}),
  };
}

function changesBy(state: AuctionState, input: AuctionInput): Changes {
  switch (input.kind) {
    case "snapshot":
      return onSnapshot(state, input);
    case "update":
      return onUpdate(state, input);
    case "body":
      return onBody(state, input);
    case "result":
      return { you: youAfterResult(state.you, input.message, state) };
    case "freshness":
      return { freshness: input.freshness, asOf: input.asOf };
    case "user":
      return { you: null };
  }
}

/** The next state. It is the same object if nothing has changed. */
export function reduceAuction(state: AuctionState | null, id: string, input: AuctionInput): AuctionState {
  const before = state ?? emptyState(id);
  const changes = changesBy(before, input);
  const changed = Object.entries(changes).some(([name, value]) => before[name as keyof AuctionState] !== value);
  return changed ? { ...before, ...changes } : before;
}
