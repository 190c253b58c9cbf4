/** What the admin's pages read. All keys begin with "admin": an act makes them stale. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import type { AuctionSearch, AuditSearch, UserSearch } from "./search";

const PAGE_SIZE = 50;
const WATCH_MS = 5_000;

function page(cursor: string | null) {
  return { limit: PAGE_SIZE, ...(cursor !== null && { cursor }) };
}

const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: ({ nextCursor }: { nextCursor: string | null }) => nextCursor,
};

export const statsQuery = queryOptions({
  queryKey: ["admin", "stats"],
  queryFn: ({ signal }) => rostrum.get("/api/v1/admin/stats", { signal }),
  refetchInterval: WATCH_MS,
});

export const readinessQuery = queryOptions({
  queryKey: ["admin", "ready"],
  queryFn: ({ signal }) => rostrum.get("/ready", { signal }),
  refetchInterval: WATCH_MS,
});

export function auctionsQuery(search: AuctionSearch) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["admin", "auctions", search],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/admin/auctions", { params: { query: { ...search, ...page(pageParam) } }, signal }),
  });
}

export function auctionQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "auction", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/auctions/{id}", { params: { path: { id } }, signal }),
  });
}

export function bidsQuery(id: string) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["admin", "bids", id],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/admin/auctions/{id}/bids", { params: { path: { id }, query: page(pageParam) }, signal }),
  });
}

export function usersQuery(search: UserSearch) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["admin", "users", search],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/admin/users", { params: { query: { ...search, ...page(pageParam) } }, signal }),
  });
}

export function userQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "user", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/admin/users/{id}", { params: { path: { id } }, signal }),
  });
}

export function auditQuery(search: AuditSearch) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: ["admin", "audit", search],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/admin/audit-logs", { params: { query: { ...search, ...page(pageParam) } }, signal }),
  });
}

export const deadLettersQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["admin", "dead-letters"],
  queryFn: ({ pageParam, signal }) =>
    rostrum.get("/api/v1/admin/dead-letters", { params: { query: page(pageParam) }, signal }),
});

export function deadLetterQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "dead-letter", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/admin/dead-letters/{id}", { params: { path: { id } }, signal }),
  });
}

export const productsQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["admin", "products"],
  queryFn: ({ pageParam, signal }) => rostrum.get("/api/v1/products", { params: { query: page(pageParam) }, signal }),
});

export function productQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "product", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/products/{id}", { params: { path: { id } }, signal }),
  });
}

export const salesQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["admin", "sales"],
  queryFn: ({ pageParam, signal }) =>
    rostrum.get("/api/v1/flash-sales", { params: { query: page(pageParam) }, signal }),
});

export function saleQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "sale", id],
    queryFn: ({ signal }) => rostrum.get("/api/v1/flash-sales/{id}", { params: { path: { id } }, signal }),
    refetchInterval: WATCH_MS,
  });
}

export const refundsQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ["admin", "refunds"],
  queryFn: ({ pageParam, signal }) =>
    rostrum.get("/api/v1/admin/refunds", { params: { query: page(pageParam) }, signal }),
});
