/** What the list of auctions reads. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import type { Search } from "./search";

const PAGE_SIZE = 24;

export function auctionsQuery(search: Search) {
  return infiniteQueryOptions({
    queryKey: ["auctions", search],
    queryFn: ({ pageParam, signal }) =>
      rostrum.get("/api/v1/auctions", {
        params: {
          query: {
            ...search,
            facets: pageParam === null,
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
