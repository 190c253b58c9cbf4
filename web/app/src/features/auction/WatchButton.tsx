/** Puts an auction on the watchlist, or takes it off. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Auction, AuctionState } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";
import { useSession } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { auctionQuery } from "./queries";

export function WatchButton({ auction, state }: { auction: Auction; state: AuctionState }) {
  const t = useText();
  const { user } = useSession();
  const queries = useQueryClient();
  const known = auction.you?.watching ?? state.you?.watching ?? false;
  const change = useMutation({
    mutationFn: (watch: boolean) =>
      watch
        ? rostrum.post("/api/v1/users/me/watchlist", { body: { auctionId: auction.id } })
        : rostrum.del("/api/v1/users/me/watchlist/{id}", { params: { path: { id: auction.id } } }),
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: auctionQuery(auction.id).queryKey }),
        queries.invalidateQueries({ queryKey: ["me", "watchlist"] }),
      ]),
  });
  if (user === null || user === undefined || user.id === auction.sellerId) {
    return null;
  }
  const watching = change.isPending ? change.variables : known;
  return (
    <Button aria-pressed={watching} busy={change.isPending} onClick={() => change.mutate(!watching)}>
      {watching ? t("auction.watching") : t("auction.watch")}
    </Button>
  );
}
