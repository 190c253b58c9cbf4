/** States that follow the server live. What a query has read is their first value, so a page never waits for both. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { reduceAuction, reduceSale, type Auction, type AuctionState, type FlashSale, type SaleState } from "rostrum-client";
import { rostrum } from "./rostrum";

const NEAR_SCREEN = "200px"; // beyond the edge of the screen a card is already live

function fromBody(before: AuctionState | null, auction: Auction) {
  return reduceAuction(before, auction.id, { kind: "body", auction });
}

/** The state of an auction, live while `active`. */
export function useAuctionState(auction: Auction, active = true): AuctionState {
  const store = useMemo(() => {
    let state: AuctionState | null = null;
    return {
      read: () => state,
      subscribe: (changed: () => void) =>
        rostrum.live.watchAuction(auction.id, (next) => {
          state = next;
          changed();
        }),
      silent: () => () => undefined,
    };
  }, [auction.id]);
  const live = useSyncExternalStore(active ? store.subscribe : store.silent, store.read);
  return useMemo(() => fromBody(live, auction), [live, auction]);
}

/** As useAuctionState, while the element with the `ref` is on the screen. */
export function useVisibleAuction(auction: Auction) {
  const ref = useRef<HTMLElement>(null);
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
      { rootMargin: NEAR_SCREEN },
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return { ref, state: useAuctionState(auction, visible) };
}

/** The state of a flash sale, live. */
export function useSaleState(sale: FlashSale): SaleState {
  const store = useMemo(() => {
    let state: SaleState | null = null;
    return {
      read: () => state,
      subscribe: (changed: () => void) =>
        rostrum.live.watchSale(sale.id, (next) => {
          state = next;
          changed();
        }),
    };
  }, [sale.id]);
  const live = useSyncExternalStore(store.subscribe, store.read);
  return useMemo(() => reduceSale(live, sale.id, { kind: "body", sale }), [live, sale]);
}
