/** Price, time and state of an auction, and the ways to bid. What screen readers hear of it is in one place: Announcer. */
import type { Auction, AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { Card } from "../../ui/Page";
import { Notice } from "../../ui/Notice";
import { TimeLeft } from "../../ui/TimeLeft";
import { Announcer } from "./Announcer";
import { BidForm } from "./BidForm";
import { StateLine } from "./StateLine";

interface PanelProps {
  auction: Auction;
  state: AuctionState;
}

/** Nothing of a draft is sent live. */
function isStale({ status, freshness }: AuctionState) {
  return status !== "draft" && freshness === "stale";
}

function Price({ state }: { state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const stale = isStale(state);
  return (
    <div>
      <p className="text-muted text-sm">
        {state.currentBid === null ? t("auction.startingPrice") : t("auction.currentBid")}
      </p>
      <p
        data-testid="price"
        className={`text-3xl font-semibold whitespace-nowrap tabular-nums ${stale ? "text-muted" : ""}`}
      >
        {money(state.currentBid ?? state.startingPrice, state.currency)}
      </p>
    </div>
  );
}

function Clock({ state }: { state: AuctionState }) {
  const t = useText();
  const { date } = useFormats();
  if (state.status === "scheduled") {
    return (
      <p>
        {t("auction.startsIn")} <TimeLeft until={state.startTime} />
      </p>
    );
  }
  if (state.status === "draft") {
    return null;
  }
  if (state.status !== "active") {
    return <p className="text-muted">{t("auction.endedAt", { time: date(state.endTime) })}</p>;
  }
  return (
    <div className="text-right">
      <p className="text-muted text-sm">{t("auction.timeLeft")}</p>
      <p className="text-xl font-semibold" data-testid="time-left">
        <TimeLeft until={state.endTime} />
      </p>
      {state.extensions > 0 && <p className="text-warn text-sm">{t("auction.extended")}</p>}
    </div>
  );
}

export function BidPanel({ auction, state }: PanelProps) {
  const t = useText();
  return (
    <Card>
      <div className="flex items-start justify-between gap-4">
        <Price state={state} />
        <Clock state={state} />
      </div>
      <p className="text-muted flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
        <AuctionStatus status={state.status} />
        <span>{t("auction.bids", { count: state.bidCount })}</span>
        {auction.watchers > 0 && <span>{t("auction.watchers", { count: auction.watchers })}</span>}
      </p>
      {isStale(state) && <Notice tone="warn">{t("auction.stale")}</Notice>}
      <StateLine auction={auction} state={state} />
      <BidForm auction={auction} state={state} />
      <Announcer state={state} />
    </Card>
  );
}
