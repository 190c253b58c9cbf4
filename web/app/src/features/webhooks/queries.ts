/** What the pages of webhooks read. The keys of the deployment's webhooks begin with "admin", those of a user with "me". */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { webhooksApi, type Scope } from "./api";

const PAGE_SIZE = 20;
const WATCH_MS = 2_000;
const UNSETTLED = new Set(["queued", "retrying"]);

export function webhooksQuery(scope: Scope) {
  return queryOptions({
    queryKey: [scope, "webhooks"],
    queryFn: ({ signal }) => webhooksApi(scope).list(signal),
  });
}

export function webhookQuery(scope: Scope, id: string) {
  return queryOptions({
    queryKey: [scope, "webhooks", id],
    queryFn: ({ signal }) => webhooksApi(scope).read(id, signal),
  });
}

/** Asked for again while a delivery is under way. */
export function deliveriesQuery(scope: Scope, id: string) {
  return infiniteQueryOptions({
    queryKey: [scope, "webhooks", id, "deliveries"],
    queryFn: ({ pageParam, signal }) =>
      webhooksApi(scope).deliveries(id, { limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }: { nextCursor: string | null }) => nextCursor,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ items }) => items.some(({ status }) => UNSETTLED.has(status))) === true
        ? WATCH_MS
        : false,
  });
}
