// Bodies of REST for what is watched: the terms that messages do not have, and the values while there is no stream.
// Requests gather for a moment, so that a page of cards costs one request. Called by live.ts and fallback.ts.
import { ApiError } from "../errors.ts";
import type { Http } from "../http.ts";
import type { Auction, FlashSale } from "../types.ts";
import type { Kind } from "./subscriptions.ts";

/** Wishes gather so long. */
const GATHER_MS = 30;
/** Up to so many auctions are read one by one, with the user's view. More are read as a list. */
const SINGLE_MAX = 3;
/** What one list holds. */
const LIST_MAX = 100;
const NOT_FOUND = 404;

/** What is asked for. */
export interface Wish {
  readonly kind: Kind;
  readonly id: string;
}

/** Receives what was read. */
export interface BodiesOptions {
  readonly http: Http;
  readonly onAuction: (auction: Auction) => void;
  readonly onSale: (sale: FlashSale) => void;
  readonly onMissing: (kind: Kind, id: string, error: ApiError) => void;
}

/** See above. */
export class Bodies {
  readonly #options: BodiesOptions;
  readonly #wishes = new Map<string, Wish>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;

  constructor(options: BodiesOptions) {
    this.#options = options;
  }

  /** Reads something soon, `delayMs` later at the latest. An error is not reported: whoever needs it asks again. */
  want(wish: Wish, delayMs = 0): void {
    this.#wishes.set(wish.id, wish);
    const due = performance.now() + GATHER_MS + delayMs;
    if (this.#timer !== undefined && due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const wishes = [...this.#wishes.values()];
      this.#wishes.clear();
      this.read(wishes).catch(() => undefined);
    }, GATHER_MS + delayMs);
  }

  /** Reads now, or sees whether the server answers. `once`: without other tries. Rejects if nothing could be read. */
  async read(wishes: readonly Wish[], once = false): Promise<void> {
    const auctions = wishes.filter((each) => each.kind === "auction").map((each) => each.id);
    const sales = wishes.filter((each) => each.kind === "sale").map((each) => each.id);
    const requests = sales.map((id) => this.#readSale(id, once));
    if (wishes.length === 0) requests.push(this.#get("/api/v1/time", {}, once).then(() => undefined));
    if (auctions.length <= SINGLE_MAX) requests.push(...auctions.map((id) => this.#readAuction(id, once)));
    else
      for (let at = 0; at < auctions.length; at += LIST_MAX)
        requests.push(this.#readList(auctions.slice(at, at + LIST_MAX), once));
    const results = await Promise.allSettled(requests);
    const failed = results.filter((each) => each.status === "rejected");
    if (failed[0] !== undefined && failed.length === results.length) throw failed[0].reason;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wishes.clear();
  }

  async #readAuction(id: string, once: boolean): Promise<void> {
    const auction = await this.#orMissing("auction", id, this.#get("/api/v1/auctions/{id}", { path: { id } }, once));
    if (auction !== null) this.#options.onAuction(auction as Auction);
  }

  async #readSale(id: string, once: boolean): Promise<void> {
    const sale = await this.#orMissing("sale", id, this.#get("/api/v1/flash-sales/{id}", { path: { id } }, once));
    if (sale !== null) this.#options.onSale(sale as FlashSale);
  }

  async #readList(ids: readonly string[], once: boolean): Promise<void> {
    const page = (await this.#get("/api/v1/auctions", { query: { ids: ids.join(",") } }, once)) as {
      items: Auction[];
    };
    for (const each of page.items) this.#options.onAuction(each);
  }

  #get(path: string, params: object, once: boolean): Promise<unknown> {
    return this.#options.http.call("get", path, { params, cache: "no-store" }, once);
  }

  /** The answer, or null after reporting that there is no such thing. */
  async #orMissing(kind: Kind, id: string, answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== NOT_FOUND) throw error;
      this.#options.onMissing(kind, id, error);
      return null;
    }
  }
}
