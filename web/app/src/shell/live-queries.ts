/** What reached the user live makes the lists stale that show it. */
import type { QueryClient } from "@tanstack/react-query";
import { rostrum } from "../lib/rostrum";

export function startLiveQueries(queries: QueryClient): void {
  rostrum.live.onUser((message) => {
    if (message.type === "notification") {
      void queries.invalidateQueries({ queryKey: ["notifications"] });
    }
    void queries.invalidateQueries({ queryKey: ["me"] });
  });
}
