/** An auction in a list: picture, price and time, live while it is on the screen. */
import { Link } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useVisibleAuction } from "../../lib/live";
import { useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { Picture } from "../../ui/Picture";
import { TimeLeft } from "../../ui/TimeLeft";

export function AuctionCard({ auction }: { auction: Auction }) {
  const t = useText();
  const { money } = useFormats();
  const { ref, state } = useVisibleAuction(auction);
  const price = state.currentBid ?? state.startingPrice;
  return (
    <article
      ref={ref}
      className="bg-surface border-line relative grid content-start overflow-hidden rounded-(--radius-card) border"
    >
      <Picture image={auction.images[0]} alt="" sizes="(min-width: 80rem) 17rem, (min-width: 40rem) 45vw, 92vw" />
      <div className="grid gap-2 p-4">
        <h2 className="font-medium">
          <Link to="/auctions/$id" params={{ id: auction.id }} className="after:absolute after:inset-0 hover:underline">
            {auction.title}
          </Link>
        </h2>
        <p className="flex items-baseline justify-between gap-3">
          <span className={`text-lg font-semibold tabular-nums ${state.freshness === "stale" ? "text-muted" : ""}`}>
            {money(price, auction.currency)}
          </span>
          <span className="text-muted text-sm">{t("browse.bids", { count: state.bidCount })}</span>
        </p>
        <p className="text-muted flex items-center justify-between gap-3 text-sm">
          <AuctionStatus status={state.status} />
          {state.status === "active" && <TimeLeft until={state.endTime} inList />}
        </p>
      </div>
    </article>
  );
}
