/** Takes back a bid that the visitor has just placed, in deployments that allow it and for as long as they do. */
import { useQueryClient } from "@tanstack/react-query";
import { toMinor, type AuctionState, type Bid } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ConfirmAct } from "../../ui/ConfirmAct";
import { TimeLeft, useTimeLeft } from "../../ui/TimeLeft";
import { auctionQuery } from "./queries";
import { bidQuery } from "./useBidding";

interface RetractBidProps {
  bid: Bid;
  /** Until when it can be taken back, in ms of the server's clock. */
  until: number;
  state: AuctionState;
}

export default function RetractBid({ bid, until, state }: RetractBidProps) {
  const t = useText();
  const { money } = useFormats();
  const queries = useQueryClient();
  const amount = money(toMinor(bid.amount ?? 0), state.currency);
  const path = { id: state.id, bidId: bid.bidId };
  if (useTimeLeft(until) === 0) {
    return null;
  }
  return (
    <ConfirmAct
      text={t("auction.retract", { amount })}
      act={() => rostrum.del("/api/v1/auctions/{id}/bids/{bidId}", { params: { path } })}
      onDone={() =>
        Promise.all([
          queries.invalidateQueries({ queryKey: bidQuery(state.id, bid.bidId).queryKey }),
          queries.invalidateQueries({ queryKey: auctionQuery(state.id).queryKey }),
          queries.invalidateQueries({ queryKey: ["history", state.id] }),
        ])
      }
    >
      <p>{t("auction.retractExplained", { amount })}</p>
      <p>
        {t("auction.retractTime")} <TimeLeft until={until} />
      </p>
    </ConfirmAct>
  );
}
