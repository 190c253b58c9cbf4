// The state of a flash sale, and the reducer that bodies of REST and messages of the socket feed. Pure.
// Each message holds the whole state, so the newest version is enough; older ones are ignored.
import { toMs } from "./auction-state.ts";
import { toMinor } from "./money.ts";
import type { FlashSale, Freshness, Minor, OrderUpdate, PositionUpdate, SaleUpdate } from "./types.ts";

type GivenYou = NonNullable<FlashSale["you"]>;

/** How many orders a state keeps. */
export const ORDERS_MAX = 20;

/** An order of the user. */
export interface SaleOrder {
  readonly orderId: string;
  readonly quantity: number;
  readonly totalPrice: Minor;
  readonly status: string;
  /** Why a command was refused; the order is then as before. */
  readonly reason: string | null;
  /** End of the reservation. */
  readonly expiresAt: number | null;
}

/** The user's newest place in the line, and the user's orders, the newest first. */
export interface YouInSale {
  /** Null without a place, and if only messages told of it. */
  readonly entryId: string | null;
  /** 1: next in line. 0: in a turn. Null: neither. */
  readonly position: number | null;
  readonly status: string | null;
  readonly turnExpiresAt: number | null;
  readonly orders: readonly SaleOrder[];
}

/** What a body of REST adds to the counters. */
export interface SaleTerms {
  readonly productId: string;
  readonly productName: string;
  readonly currency: string;
  readonly flashPrice: Minor;
  readonly quantityAvailable: number;
  readonly perUserLimit: number;
  readonly turnSeconds: number;
  readonly reservationSeconds: number;
  readonly payment: string;
}

/** All that is known of a flash sale. Immutable. Times are the server's, in ms since 1970. */
export interface SaleState {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly available: number;
  readonly claimed: number;
  readonly reserved: number;
  readonly sold: number;
  readonly waiting: number;
  readonly joinTime: number;
  readonly startTime: number;
  readonly endTime: number;
  /** Null until a body of REST was read. */
  readonly terms: SaleTerms | null;
  /** Null for guests, and until it is known. */
  readonly you: YouInSale | null;
  /** The version to which the position belongs. */
  readonly positionVersion: number;
  readonly freshness: Freshness;
  readonly asOf: number;
}

/** What feeds the reducer. `live`: it comes from a stream that delivers what follows. */
export type SaleInput =
  | { readonly kind: "update"; readonly message: SaleUpdate; readonly live: boolean; readonly replace?: boolean }
  | { readonly kind: "body"; readonly sale: FlashSale }
  | { readonly kind: "position"; readonly message: PositionUpdate }
  | { readonly kind: "order"; readonly message: OrderUpdate }
  | { readonly kind: "freshness"; readonly freshness: Freshness; readonly asOf: number }
  /** Another user is logged in, or nobody. */
  | { readonly kind: "user" };

type Changes = Partial<SaleState>;

const NOBODY: YouInSale = { entryId: null, position: null, status: null, turnExpiresAt: null, orders: [] };

function emptyState(id: string): SaleState {
  return {
    id,
    version: 0,
    status: "upcoming",
    available: 0,
    claimed: 0,
    reserved: 0,
    sold: 0,
    waiting: 0,
    joinTime: 0,
    startTime: 0,
    endTime: 0,
    terms: null,
    you: null,
    positionVersion: 0,
    freshness: "stale",
    asOf: 0,
  };
}

function msOrNull(time: string | null): number | null {
  return time === null ? null : toMs(time);
}

function readValues(from: SaleUpdate | FlashSale): Changes {
  const { version, status, available, claimed, reserved, sold, waiting } = from;
  const times = { joinTime: toMs(from.joinTime), startTime: toMs(from.startTime), endTime: toMs(from.endTime) };
  return { version, status, available, claimed, reserved, sold, waiting, ...times };
}

function readTerms(sale: FlashSale): SaleTerms {
  const {
    productId,
    productName,
    currency,
    quantityAvailable,
    perUserLimit,
    turnSeconds,
    reservationSeconds,
    payment,
  } = sale;
  const flashPrice = toMinor(sale.flashPrice);
  return {
    productId,
    productName,
    currency,
    flashPrice,
    quantityAvailable,
    perUserLimit,
    turnSeconds,
    reservationSeconds,
    payment,
  };
}

function readYou(you: GivenYou): YouInSale {
  const orders = you.orders.map((each) => ({
    ...each,
    totalPrice: toMinor(each.totalPrice),
    expiresAt: toMs(each.expiresAt),
    reason: null,
  }));
  return { ...you, turnExpiresAt: msOrNull(you.turnExpiresAt), orders };
}

function onUpdate(state: SaleState, { message, live, replace = false }: SaleInput & { kind: "update" }): Changes {
  const fresh: Changes = {
    freshness: live ? "live" : state.freshness,
    asOf: Math.max(state.asOf, toMs(message.serverTime)),
  };
  if (replace || message.version > state.version) return { ...readValues(message), ...fresh };
  return message.version === state.version ? fresh : {};
}

function onBody(state: SaleState, { sale }: SaleInput & { kind: "body" }): Changes {
  const terms = readTerms(sale);
  if (sale.version < state.version) return state.terms === null ? { terms } : {};
  // Null says that the server does not know it now.
  const you = sale.you ?? null;
  const known = you !== null && sale.version >= state.positionVersion;
  const own = known ? { you: readYou(you), positionVersion: sale.version } : {};
  const readAt = sale.serverTime === undefined || sale.stale !== undefined ? 0 : toMs(sale.serverTime);
  const asOf = Math.max(state.asOf, readAt);
  return { ...readValues(sale), terms, ...own, asOf };
}

function onPosition(state: SaleState, { message }: SaleInput & { kind: "position" }): Changes {
  if (message.version < state.positionVersion) return {};
  const { position, status, version } = message;
  const you = { ...(state.you ?? NOBODY), position, status, turnExpiresAt: msOrNull(message.turnExpiresAt) };
  return { you, positionVersion: version, ...(version >= state.version ? { waiting: message.waiting } : {}) };
}

function onOrder(state: SaleState, { message }: SaleInput & { kind: "order" }): Changes {
  const { orderId, quantity, status, reason } = message;
  const order = {
    orderId,
    quantity,
    status,
    reason,
    totalPrice: toMinor(message.totalPrice),
    expiresAt: msOrNull(message.expiresAt),
  };
  const you = state.you ?? NOBODY;
  const known = you.orders.some((each) => each.orderId === orderId);
  const orders = known ? you.orders.map((each) => (each.orderId === orderId ? order : each)) : [order, ...you.orders];
  return { you: { ...you, orders: orders.slice(0, ORDERS_MAX) } };
}

function changesBy(state: SaleState, input: SaleInput): Changes {
  switch (input.kind) {
    case "update":
      return onUpdate(state, input);
    case "body":
      return onBody(state, input);
    case "position":
      return onPosition(state, input);
    case "order":
      return onOrder(state, input);
    case "freshness":
      return { freshness: input.freshness, asOf: input.asOf };
    case "user":
      return { you: null, positionVersion: 0 };
  }
}

/** The next state. It is the same object if nothing has changed. */
export function reduceSale(state: SaleState | null, id: string, input: SaleInput): SaleState {
  const before = state ?? emptyState(id);
  const changes = changesBy(before, input);
  const changed = Object.entries(changes).some(([name, value]) => before[name as keyof SaleState] !== value);
  return changed ? { ...before, ...changes } : before;
}
