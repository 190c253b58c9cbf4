/** An auction: pictures, its state, bidding, history. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { Auction } from "rostrum-client";
import { useAuctionState } from "../../lib/live";
import { useSession } from "../../lib/session";
import { NotLoaded } from "../../ui/NotLoaded";
import { Page, Skeleton } from "../../ui/Page";
import { BidPanel } from "./BidPanel";
import { Description } from "./Description";
import { Gallery } from "./Gallery";
import { History } from "./History";
import { auctionQuery } from "./queries";
import { WatchButton } from "./WatchButton";

// What few visitors see is loaded when it is needed.
const Outcome = lazy(() => import("./Outcome"));
const SellerTools = lazy(() => import("./SellerTools"));

const OVER = new Set(["sold", "unsold", "cancelled"]);

const route = getRouteApi("/auctions/$id");

function Shown({ auction }: { auction: Auction }) {
  const state = useAuctionState(auction);
  const { user } = useSession();
  return (
    <Page title={auction.title} aside={<WatchButton auction={auction} state={state} />}>
      <div className="grid items-start gap-6 lg:grid-cols-[1fr_24rem]">
        <Gallery images={auction.images} title={auction.title} />
        <div className="grid gap-6 lg:sticky lg:top-6 lg:col-start-2 lg:row-span-3 lg:row-start-1">
          <BidPanel auction={auction} state={state} />
          <Suspense>{OVER.has(state.status) && <Outcome auction={auction} state={state} />}</Suspense>
          {user?.id === auction.sellerId && (
            <Suspense>
              <SellerTools auction={auction} state={state} />
            </Suspense>
          )}
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
