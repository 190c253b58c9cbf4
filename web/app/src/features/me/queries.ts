/** What the own pages read. All keys begin with "me": what reaches the user live makes them stale. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import type { State, Status } from "./search";

const PAGE_SIZE = 20;

function page(cursor: string | null) {
  return { limit: PAGE_SIZE, ...(cursor !== null && { cursor }) };
}

const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: ({ nextCursor }: { nextCursor: string | null }) => nextCursor,
};

export function myBidsQuery(state: State | undefined) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["me", "bids", state],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/users/me/bids", {
        params: { query: { ...page(pageParam), ...(state !== undefined && { state }) } },
        signal,
      }),
  });
}

export function myAuctionsQuery(status: Status | undefined) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["me", "auctions", status],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/users/me/auctions", {
        params: { query: { ...page(pageParam), ...(status !== undefined && { status }) } },
        signal,
      }),
  });
}

export const watchlistQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["me", "watchlist"],
  queryFn: ({ pageParam, signal }) =>
    rostrum.get("/api/v1/users/me/watchlist", { params: { query: page(pageParam) }, signal }),
});

export const notificationsQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["notifications", "list"],
  queryFn: ({ pageParam, signal }) =>
    rostrum.get("/api/v1/users/me/notifications", { params: { query: page(pageParam) }, signal }),
});

export const ordersQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["me", "orders"],
  queryFn: ({ pageParam, signal }) => rostrum.get("/api/v1/orders", { params: { query: page(pageParam) }, signal }),
});
