/** The ways to bid: the next amounts, an own amount, a hidden maximum, and buying at once. */
import { Link } from "@tanstack/react-router";
import { nextAmounts, type Auction, type AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useSession } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { AmountForm } from "./AmountForm";
import { BidProgress } from "./BidProgress";
import { BuyNow } from "./BuyNow";
import { useBidding } from "./useBidding";

const NEXT_AMOUNTS = 3;

interface BidFormProps {
  auction: Auction;
  state: AuctionState;
}

function OpenForm({ auction, state }: BidFormProps) {
  const t = useText();
  const { money } = useFormats();
  const bidding = useBidding(auction.id);
  const busy = bidding.phase === "sending" || bidding.phase === "queued";
  const { version } = state;
  return (
    <div className="grid gap-4">
      <div className="grid gap-2">
        <p className="text-muted text-sm">{t("auction.nextAmounts")}</p>
        <div className="grid grid-cols-[repeat(auto-fit,minmax(6rem,1fr))] gap-2">
          {nextAmounts(state, NEXT_AMOUNTS).map((amount, index) => (
            <Button
              key={index}
              kind={index === 0 ? "primary" : "plain"}
              disabled={busy}
              onClick={() => bidding.place({ kind: "bid", amount, version })}
            >
              {money(amount, state.currency)}
            </Button>
          ))}
        </div>
      </div>
      <AmountForm state={state} busy={busy} onPlace={(kind, amount) => bidding.place({ kind, amount, version })} />
      <BuyNow
        auction={auction}
        state={state}
        busy={busy}
        onBuy={(amount) => bidding.place({ kind: "buy", amount, version })}
      />
      <BidProgress bidding={bidding} currency={state.currency} />
    </div>
  );
}

export function BidForm({ auction, state }: BidFormProps) {
  const t = useText();
  const { user } = useSession();
  if (state.status !== "active" || user === undefined || user?.id === auction.sellerId) {
    return null;
  }
  if (user === null) {
    return (
      <Link to="/login" search={{ back: `/auctions/${auction.id}` }} className={buttonClass("primary")}>
        {t("auction.loginToBid")}
      </Link>
    );
  }
  return <OpenForm auction={auction} state={state} />;
}
