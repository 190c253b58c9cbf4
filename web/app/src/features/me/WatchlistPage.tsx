/** The auctions that the user watches. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Listing } from "../../ui/Listing";
import { Empty } from "../../ui/Page";
import { AuctionRow } from "./AuctionRow";
import { MePage } from "./MePage";
import { watchlistQuery } from "./queries";

function Unwatch({ id, title }: { id: string; title: string }) {
  const t = useText();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => rostrum.del("/api/v1/users/me/watchlist/{id}", { params: { path: { id } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: watchlistQuery.queryKey }),
  });
  return (
    <Button
      busy={remove.isPending}
      aria-label={t("me.unwatchTitle", { title })}
      onClick={() => {
        remove.mutate();
      }}
    >
      {t("me.unwatch")}
    </Button>
  );
}

function List() {
  const t = useText();
  const query = useInfiniteQuery(watchlistQuery);
  return (
    <Listing query={query} keyOf={(auction) => auction.id} empty={<Empty>{t("me.nothingWatched")}</Empty>}>
      {(auction) => (
        <AuctionRow auction={auction}>
          <Unwatch id={auction.id} title={auction.title} />
        </AuctionRow>
      )}
    </Listing>
  );
}

export function WatchlistPage() {
  const t = useText();
  return (
    <MePage title={t("me.watchlist")}>
      <List />
    </MePage>
  );
}
