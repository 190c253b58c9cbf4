/** The ways to bid: the next amounts, an own amount, a hidden maximum, and buying at once. */
import { lazy, Suspense, useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { nextAmounts, type Auction, type AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useSession } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { AmountForm } from "./AmountForm";
import { BidProgress } from "./BidProgress";
import { BuyNow } from "./BuyNow";
import { useSeen } from "./useSeen";
import { WithdrawMaximum } from "./WithdrawMaximum";
import { bidQuery, useBidding, type Bidding } from "./useBidding";

const RetractBid = lazy(() => import("./RetractBid")); // only where deployments allow it
const NEXT_AMOUNTS = 3;

interface BidFormProps {
  auction: Auction;
  state: AuctionState;
}

function OpenForm({ auction, state, bidding }: BidFormProps & { bidding: Bidding }) {
  const t = useText();
  const { money } = useFormats();
  const busy = bidding.phase === "sending" || bidding.phase === "queued";
  const { version, minimumBid, increments } = state;
  const offer = useMemo(
    () => ({ amounts: nextAmounts({ minimumBid, increments }, NEXT_AMOUNTS), version }),
    [minimumBid, increments, version],
  );
  const seen = useSeen(offer);
  const own = state.bids.find(({ bidder, isProxyBid }) => bidder === state.you?.pseudonym && !isProxyBid);
  const { data: newest } = useQuery({ ...bidQuery(auction.id, own?.bidId ?? ""), enabled: own !== undefined });
  return (
    <div className="grid gap-4">
      <div className="grid gap-2">
        <p className="text-muted text-sm">{t("auction.nextAmounts")}</p>
        <div className="grid grid-cols-[repeat(auto-fit,minmax(6rem,1fr))] gap-2">
          {offer.amounts.map((amount, index) => (
            <Button
              key={index}
              kind={index === 0 ? "primary" : "plain"}
              disabled={busy}
              onClick={({ detail }) => {
                // The second click of a double click may meet the next amount: the first bid is already the price.
                const { amounts, ...as } = seen();
                const meant = amounts[index];
                if (detail <= 1 && meant !== undefined) {
                  bidding.place({ kind: "bid", amount: meant, ...as });
                }
              }}
            >
              {money(amount, state.currency)}
            </Button>
          ))}
        </div>
      </div>
      <AmountForm state={state} busy={busy} onPlace={(kind, amount) => bidding.place({ kind, amount, version })} />
      {state.you?.state === "leading" && (state.you.myMaximum ?? 0) > (state.currentBid ?? 0) && (
        <WithdrawMaximum auctionId={auction.id} />
      )}
      <Suspense>
        {newest?.retractUntil !== undefined && (
          <RetractBid key={newest.bidId} bid={newest} until={Date.parse(newest.retractUntil)} state={state} />
        )}
      </Suspense>
      <BuyNow
        auction={auction}
        state={state}
        busy={busy}
        onBuy={(amount) => bidding.place({ kind: "buy", amount, version })}
      />
    </div>
  );
}

export function BidForm({ auction, state }: BidFormProps) {
  const t = useText();
  const { user } = useSession();
  const mayBid = user !== undefined && user !== null && user.id !== auction.sellerId;
  const bidding = useBidding(auction.id, mayBid ? user.id : null);
  const open = state.status === "active";
  if (user === null && open) {
    return (
      <>
        <Link to="/login" search={{ back: `/auctions/${auction.id}` }} className={buttonClass("primary")}>
          {t("auction.loginToBid")}
        </Link>
        <Link to="/register" search={{ back: `/auctions/${auction.id}` }} className={buttonClass()}>
          {t("auction.registerToBid")}
        </Link>
      </>
    );
  }
  // What came of a bid stays when the auction is over.
  return (
    <>
      {mayBid && open && <OpenForm auction={auction} state={state} bidding={bidding} />}
      <BidProgress bidding={bidding} state={state} />
    </>
  );
}
