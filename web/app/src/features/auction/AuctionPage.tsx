/** An auction: pictures, its state, bidding, history. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import { useAuctionState } from "../../lib/live";
import { NotLoaded } from "../../ui/NotLoaded";
import { Page, Skeleton } from "../../ui/Page";
import { BidPanel } from "./BidPanel";
import { Description } from "./Description";
import { Gallery } from "./Gallery";
import { History } from "./History";
import { auctionQuery } from "./queries";
import { Outcome } from "./Outcome";
import { SellerTools } from "./SellerTools";
import { WatchButton } from "./WatchButton";

const route = getRouteApi("/auctions/$id");

function Shown({ auction }: { auction: Auction }) {
  const state = useAuctionState(auction);
  return (
    <Page title={auction.title} aside={<WatchButton auction={auction} state={state} />}>
      <div className="grid items-start gap-6 lg:grid-cols-[1fr_24rem]">
        <Gallery images={auction.images} title={auction.title} />
        <div className="grid gap-6 lg:sticky lg:top-6 lg:col-start-2 lg:row-span-3 lg:row-start-1">
          <BidPanel auction={auction} state={state} />
          <Outcome auction={auction} state={state} />
          <SellerTools auction={auction} state={state} />
        </div>
        <Description auction={auction} />
        <History state={state} />
      </div>
    </Page>
  );
}

export function AuctionPage() {
  const { id } = route.useParams();
  const query = useQuery(auctionQuery(id));
  if (query.data !== undefined) {
    return <Shown key={id} auction={query.data} />;
  }
  if (query.isError) {
    return <NotLoaded error={query.error} onRetry={() => void query.refetch()} />;
  }
  return (
    <div className="grid gap-6 lg:grid-cols-[1fr_24rem]">
      <Skeleton className="aspect-[4/3]" />
      <Skeleton className="h-96" />
    </div>
  );
}
