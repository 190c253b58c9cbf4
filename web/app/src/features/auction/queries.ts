/** What the page of an auction reads. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { toMinor, type PublicBid } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";

const HISTORY_PAGE = 50;

export function auctionQuery(id: string) {
  return queryOptions({
    queryKey: ["auction", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/auctions/{id}", { params: { path: { id } }, signal }),
  });
}

/** The auction as it is at the end: read once for each status. */
export function outcomeQuery(id: string, status: string) {
  return queryOptions({ ...auctionQuery(id), queryKey: ["auction", id, status] });
}

export function historyQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["history", id],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/auctions/{id}/bids", {
        params: {
          path: { id },
          query: { limit: HISTORY_PAGE, ...(pageParam !== null && { cursor: pageParam }) },
        },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    select: ({ pages }): PublicBid[] =>
      pages.flatMap(({ items }) =>
        items.map((bid) => ({ ...bid, amount: toMinor(bid.amount), createdAt: Date.parse(bid.createdAt) })),
      ),
  });
}
