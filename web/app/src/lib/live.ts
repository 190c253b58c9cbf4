/** States that follow the server live. What a query has read is their first value, so a page never waits for both. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import {
  reduceAuction,
  reduceSale,
  type Auction,
  type AuctionState,
  type FlashSale,
  type Freshness,
  type SaleState,
} from "rostrum-client";
import { rostrum } from "./rostrum";

const NEAR_SCREEN = "200px"; // beyond the edge of the screen a card is already live

type Watch<S> = (listener: (state: S) => void) => () => void;

/** A state outside React: what `watch` gave last. While nobody watches, it is stale. */
export function makeStore<S extends { readonly freshness: Freshness }>(watch: Watch<S>) {
  let state: S | null = null;
  return {
    read: () => state,
    subscribe: (changed: () => void) => {
      const stop = watch((next) => {
        state = next;
        changed();
      });
      return () => {
        stop();
        state = state && { ...state, freshness: "stale" };
      };
    },
    silent: () => () => undefined,
  };
}

/** The state of an auction, live while `active`. */
export function useAuctionState(auction: Auction, active = true): AuctionState {
  const store = useMemo(
    () => makeStore<AuctionState>((listener) => rostrum.live.watchAuction(auction.id, listener)),
    [auction.id],
  );
  const live = useSyncExternalStore(active ? store.subscribe : store.silent, store.read);
  return useMemo(() => reduceAuction(live, auction.id, { kind: "body", auction }), [live, auction]);
}

/** Whether the element with the `ref` is on the screen, or as near to it as `margin` says. */
export function useOnScreen<T extends Element>(margin = "0px") {
  const ref = useRef<T>(null);
  const [visible, setVisible] = useState(false);
  // Whether an element is on the screen is known only to an observer.
  useEffect(() => {
    const element = ref.current;
    if (element === null) {
      return undefined;
    }
    const observer = new IntersectionObserver(
      (entries) => {
        setVisible(entries.at(-1)?.isIntersecting ?? false);
      },
      { rootMargin: margin },
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [margin]);
  return { ref, visible };
}

/** As useAuctionState, while the element with the `ref` is on the screen. */
export function useVisibleAuction(auction: Auction) {
  const { ref, visible } = useOnScreen<HTMLElement>(NEAR_SCREEN);
  return { ref, state: useAuctionState(auction, visible) };
}

/** The same of an auction of which a list has only some members: null until something of it is known live. */
export function useVisibleLive(id: string) {
  const { ref, visible } = useOnScreen<HTMLElement>(NEAR_SCREEN);
  const store = useMemo(() => makeStore<AuctionState>((listener) => rostrum.live.watchAuction(id, listener)), [id]);
  return { ref, live: useSyncExternalStore(visible ? store.subscribe : store.silent, store.read) };
}

/** The state of a flash sale, live while `active`. */
export function useSaleState(sale: FlashSale, active = true): SaleState {
  const store = useMemo(() => makeStore<SaleState>((listener) => rostrum.live.watchSale(sale.id, listener)), [sale.id]);
  const live = useSyncExternalStore(active ? store.subscribe : store.silent, store.read);
  return useMemo(() => reduceSale(live, sale.id, { kind: "body", sale }), [live, sale]);
}

/** As useSaleState, while the element with the `ref` is on the screen. */
export function useVisibleSale(sale: FlashSale) {
  const { ref, visible } = useOnScreen<HTMLElement>(NEAR_SCREEN);
  return { ref, state: useSaleState(sale, visible) };
}
