// The calls that buy something, with their keys. Amounts are integers in minor units.
import type { Call } from "./http.ts";
import { bidKey, hashKey } from "./keys.ts";
import { toDecimal } from "./money.ts";
import type { Bid, Minor, Order, PendingBid, PendingCommand, QueueEntry } from "./types.ts";

/** How a command is sent. */
export interface CommandOptions {
  /** The idempotency key. Without it, and without `version`, a random one is made. */
  readonly key?: string;
  /** Seconds to wait for the decision, at most 10. Without it the answer is the 202. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
}

/** How a bid is sent. */
export interface BidOptions extends CommandOptions {
  /** The version of the auction that the bidder saw. The key is then made of auction, amount and version. */
  readonly version?: number;
  /** Whether to ask for a signed receipt. */
  readonly receipt?: boolean;
}

/** The conveniences of Rostrum. Each rejects as `post` does. */
export interface Bidding {
  /** Places a bid. The answer is pending unless `wait` is given or the bid was decided before. */
  bid(auctionId: string, amount: Minor, options?: BidOptions): Promise<Bid | PendingBid>;
  /** Sets or raises a hidden maximum. */
  setMaximum(auctionId: string, maximum: Minor, options?: BidOptions): Promise<Bid | PendingBid>;
  /** Buys an auction. At another buy-now price than the given one, which the buyer saw, the purchase is rejected. */
  buyNow(auctionId: string, price: Minor, options?: BidOptions): Promise<Bid | PendingBid>;
  /** Joins the waiting line of a flash sale. */
  joinSale(saleId: string, options?: CommandOptions & { readonly quantity?: number }): Promise<QueueEntry>;
  /** Reserves units of a flash sale. */
  order(saleId: string, quantity: number, options?: CommandOptions): Promise<Order>;
  confirmOrder(orderId: string, options?: CommandOptions): Promise<Order | PendingCommand>;
  cancelOrder(orderId: string, options?: CommandOptions): Promise<Order | PendingCommand>;
}

/** The parameters that all of these calls share. */
interface Sent {
  headers: Record<string, string>;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

function sent({ key, wait, signal, receipt }: BidOptions): Sent {
  const prefer = [...(wait === undefined ? [] : [`wait=${String(wait)}`]), ...(receipt === true ? ["receipt"] : [])];
  return {
    headers: prefer.length > 0 ? { Prefer: prefer.join(", ") } : {},
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The options with the key that `make` gives for the version, unless there is a key. */
async function keyed(options: BidOptions, make: (version: number) => Promise<string>): Promise<Sent> {
  const { key, version } = options;
  return sent(key === undefined && version !== undefined ? { ...options, key: await make(version) } : options);
}

/** The conveniences over `post`. */
export function bidding(post: Call<"post">): Bidding {
  return {
    async bid(id, amount, options = {}) {
      const init = await keyed(options, (version) => bidKey(id, amount, version));
      return post("/api/v1/auctions/{id}/bids", {
        ...init,
        params: { path: { id } },
        body: { amount: toDecimal(amount) },
      });
    },
    async setMaximum(id, maximum, options = {}) {
      const init = await keyed(options, (version) => hashKey("maximum", id, maximum, version));
      const body = { maxAmount: toDecimal(maximum) };
      return post("/api/v1/auctions/{id}/proxy", { ...init, params: { path: { id } }, body });
    },
    async buyNow(id, price, options = {}) {
      const init = await keyed(options, (version) => hashKey("buy", id, price, version));
      const body = { price: toDecimal(price) };
      return post("/api/v1/auctions/{id}/buy-now", { ...init, params: { path: { id } }, body });
    },
    joinSale(flashSaleId, { quantity, ...options } = {}) {
      const body = { flashSaleId, ...(quantity === undefined ? {} : { quantity }) };
      return post("/api/v1/queue/join", { ...sent(options), body });
    },
    order(flashSaleId, quantity, options = {}) {
      return post("/api/v1/orders", { ...sent(options), body: { flashSaleId, quantity } });
    },
    confirmOrder(id, options = {}) {
      return post("/api/v1/orders/{id}/confirm", { ...sent(options), params: { path: { id } } });
    },
    cancelOrder(id, options = {}) {
      return post("/api/v1/orders/{id}/cancel", { ...sent(options), params: { path: { id } } });
    },
  };
}
