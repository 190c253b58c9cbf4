/** What the pages of flash sales read. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import { GROUPS, type Group } from "./search";

const PAGE_SIZE = 24;
const ASK_MS = 1_000;

export function salesQuery(group: Group) {
  return infiniteQueryOptions({
    queryKey: ["sales", group],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/flash-sales", {
        params: {
          query: {
            status: GROUPS[group],
            limit: PAGE_SIZE,
            ...(pageParam !== null && { cursor: pageParam }),
          },
        },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
}

export function saleQuery(id: string) {
  return queryOptions({
    queryKey: ["sale", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/flash-sales/{id}", { params: { path: { id } }, signal }),
  });
}

export function productQuery(id: string) {
  return queryOptions({
    queryKey: ["product", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/products/{id}", { params: { path: { id } }, signal }),
  });
}

/** An order, asked for until its state no longer changes by itself. */
export function orderQuery(id: string) {
  return queryOptions({
    queryKey: ["order", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/orders/{id}", { params: { path: { id } }, signal }),
    refetchInterval: ({ state }) =>
      state.data?.status === "pending" || state.data?.status === "reserved" ? ASK_MS : false,
  });
}
