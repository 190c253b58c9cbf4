/** What reached the user live makes the lists stale that show it. So does what may have been missed without a connection. */
import type { QueryClient } from "@tanstack/react-query";
import { rostrum } from "../lib/rostrum";

export function startLiveQueries(queries: QueryClient): void {
  const stale = (...queryKey: string[]) => void queries.invalidateQueries({ queryKey });
  let connected = false;
  rostrum.live.onUser((message) => {
    if (message.type === "notification") {
      stale("notifications");
    }
    if (message.type === "bid_result") {
      stale("bid", message.auctionId, message.bidId);
    }
    stale("me");
  });
  rostrum.live.onStatus((status) => {
    if (status === "live" && connected) {
      stale("notifications");
      stale("history"); // a snapshot has only the newest bids
      stale("me");
    }
    connected ||= status === "live";
  });
}
