/** The public bids, newest first, and the price over time. Live bids stand above those that were read. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, type ComponentProps } from "react";
import type { AuctionState, PublicBid } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useOnScreen } from "../../lib/live";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { More } from "../../ui/KeysetList";
import { Badge } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { historyQuery } from "./queries";

const PriceChart = lazy(() => import("./PriceChart"));

function BidLine({ bid, state }: { bid: PublicBid; state: AuctionState }) {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  return (
    <li className="border-line flex flex-wrap items-baseline justify-between gap-x-4 border-b py-2">
      <span className="font-medium tabular-nums">{money(bid.amount, state.currency)}</span>
      <span className="flex items-baseline gap-2">
        {bid.bidder === state.you?.pseudonym ? <Badge tone="good">{t("auction.you")}</Badge> : bid.bidder}
        {bid.isProxyBid && <Badge>{t("auction.automatic")}</Badge>}
      </span>
      <time dateTime={new Date(bid.createdAt).toISOString()} className="text-muted text-sm">
        {dateSeconds(bid.createdAt)}
      </time>
    </li>
  );
}

/** The plot while it is on the screen: it is below the first one, and its code is a fifth of the page's. */
function Chart(props: ComponentProps<typeof PriceChart>) {
  const { ref, visible } = useOnScreen<HTMLDivElement>();
  const empty = <Skeleton className="h-50" />;
  return (
    <div ref={ref}>
      {visible ? (
        <Suspense fallback={empty}>
          <PriceChart {...props} />
        </Suspense>
      ) : (
        empty
      )}
    </div>
  );
}

/**
 * The bids of both sources, each once, newest first. What was read is older: a bid that is missing among the live ones of
 * its time was voided since.
 */
function merge({ bids: live, bidCount, gap }: AuctionState, read: readonly PublicBid[]): PublicBid[] {
  const known = new Set(live.map(({ bidId }) => bidId));
  const oldest = live.at(-1)?.createdAt ?? Infinity;
  const older = read.filter(({ bidId, createdAt }) => !known.has(bidId) && (gap || createdAt <= oldest));
  return bidCount === 0 ? [] : [...live, ...older];
}

export function History({ state }: { state: AuctionState }) {
  const t = useText();
  const query = useInfiniteQuery(historyQuery(state.id));
  const bids = merge(state, query.data ?? []);
  return (
    <Card title={t("auction.history")}>
      {bids.length > 1 && <Chart bids={bids} currency={state.currency} />}
      {query.isPending && <Skeleton className="h-24" />}
      {query.isLoadingError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {!query.isPending && bids.length === 0 && <p className="text-muted">{t("auction.noBids")}</p>}
      <ul>
        {bids.map((bid) => (
          <BidLine key={bid.bidId} bid={bid} state={state} />
        ))}
      </ul>
      <More query={query} />
    </Card>
  );
}
