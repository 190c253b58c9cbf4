/** An auction in one of the own lists, live while it is on the screen. */
import { Link } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import type { ReactNode } from "react";
import { useFormats } from "../../lib/format";
import { useVisibleAuction } from "../../lib/live";
import { useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { TimeLeft } from "../../ui/TimeLeft";

export function AuctionRow({ auction, children }: { auction: Auction; children?: ReactNode }) {
  const t = useText();
  const { money } = useFormats();
  const { ref, state } = useVisibleAuction(auction);
  const image = auction.images[0];
  return (
    <article
      ref={ref}
      className="bg-surface border-line flex flex-wrap items-center gap-4 rounded-(--radius-card) border p-4"
    >
      {image !== undefined && (
        <img src={image.thumbnails["160"]} alt="" width="64" height="64" className="size-16 rounded-lg object-cover" />
      )}
      <div className="grid min-w-0 flex-1 basis-48 gap-1">
        <h2 className="font-medium">
          {auction.status === "draft" ? (
            <Link to="/sell" search={{ draft: auction.id }} className="hover:underline">
              {auction.title}
            </Link>
          ) : (
            <Link to="/auctions/$id" params={{ id: auction.id }} className="hover:underline">
              {auction.title}
            </Link>
          )}
        </h2>
        <p className="text-muted flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
          <AuctionStatus status={state.status} />
          <span>{money(state.currentBid ?? state.startingPrice, state.currency)}</span>
          <span>{t("me.bidCount", { count: state.bidCount })}</span>
          {state.status === "active" && <TimeLeft until={state.endTime} inList />}
        </p>
      </div>
      {children}
    </article>
  );
}
