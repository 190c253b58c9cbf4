// All auctions and sales that somebody watches, with their listeners. Called by live.ts.
import { reduceAuction, type AuctionInput, type AuctionState } from "../auction-state.ts";
import { reduceSale, type SaleInput, type SaleState } from "../sale-state.ts";
import type { Kind } from "./subscriptions.ts";
import { Watched, type WatchOptions } from "./watched.ts";

/** How much can be watched at a time; the next one throws RangeError. */
export const WATCHED_MAX = 500;
/** Something that nobody watches any more is kept so long: pages often watch it again at once. */
export const LINGER_MS = 2_000;

export type WatchedAuction = Watched<AuctionState, AuctionInput>;
export type WatchedSale = Watched<SaleState, SaleInput>;
export type AnyWatched = WatchedAuction | WatchedSale;

/** Whom the list calls. */
export interface WatchListOptions {
  /** Somebody watches: `added` if nobody did before. */
  readonly onWatch: (watched: AnyWatched, added: boolean) => void;
  /** Nobody watches something any more. */
  readonly onForget: () => void;
}

/** See above. */
export class WatchList {
  readonly auctions = new Map<string, WatchedAuction>();
  readonly sales = new Map<string, WatchedSale>();
  readonly #options: WatchListOptions;
  #order = 0;

  constructor(options: WatchListOptions) {
    this.#options = options;
  }

  watchAuction(id: string, listener: (state: AuctionState) => void, options: WatchOptions): () => void {
    const known = this.auctions.get(id);
    const watched = known ?? new Watched<AuctionState, AuctionInput>("auction", id, reduceAuction);
    return this.#watch(this.auctions, watched, known === undefined, listener, options);
  }

  watchSale(id: string, listener: (state: SaleState) => void, options: WatchOptions): () => void {
    const known = this.sales.get(id);
    const watched = known ?? new Watched<SaleState, SaleInput>("sale", id, reduceSale);
    return this.#watch(this.sales, watched, known === undefined, listener, options);
  }

  find(kind: Kind, id: string): AnyWatched | undefined {
    return kind === "auction" ? this.auctions.get(id) : this.sales.get(id);
  }

  all(): AnyWatched[] {
    return [...this.auctions.values(), ...this.sales.values()];
  }

  /** All, the visible and newest ones first. */
  byImportance(): AnyWatched[] {
    return this.all().sort((a, b) => Number(b.visible) - Number(a.visible) || b.order - a.order);
  }

  get size(): number {
    return this.auctions.size + this.sales.size;
  }

  clear(): void {
    for (const each of this.all()) clearTimeout(each.linger);
    this.auctions.clear();
    this.sales.clear();
  }

  #watch<S extends AuctionState | SaleState, I>(
    map: Map<string, Watched<S, I>>,
    watched: Watched<S, I> & AnyWatched,
    added: boolean,
    listener: (state: S) => void,
    options: WatchOptions,
  ): () => void {
    if (added && this.size >= WATCHED_MAX) {
      throw new RangeError(`At most ${String(WATCHED_MAX)} auctions and sales can be watched`);
    }
    map.set(watched.id, watched);
    watched.missing = false; // it is asked for again: there may be one by now
    clearTimeout(watched.linger);
    this.#order += 1;
    watched.order = this.#order;
    const remove = watched.listen(listener, options);
    this.#options.onWatch(watched, added);
    return () => {
      remove();
      clearTimeout(watched.linger);
      if (!watched.abandoned) return;
      watched.linger = setTimeout(() => {
        // Whoever stops twice must not stop a later one.
        if (map.get(watched.id) !== watched) return;
        map.delete(watched.id);
        this.#options.onForget();
      }, LINGER_MS);
    };
  }
}
