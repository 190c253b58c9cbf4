/** Where the visitor's last bid stands: sent, queued, decided. */
import { toMinor, type AuctionState, type Bid } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText, type Translate } from "../../lib/text";
import { ErrorNotice, errorForCode } from "../../ui/ErrorNotice";
import { Notice, type Tone } from "../../ui/Notice";
import type { Bidding } from "./useBidding";

function decided(t: Translate, bid: Bid, amount: string): { tone: Tone; text: string } {
  switch (bid.status) {
    case "accepted":
      return { tone: "good", text: t("auction.bidAccepted", { amount }) };
    case "outbid":
      return { tone: "warn", text: t("auction.bidOutbid", { amount }) };
    case "voided":
      return { tone: "warn", text: t("auction.bidVoided", { amount }) };
    default:
      return {
        tone: "bad",
        text: t("auction.bidRejected", { amount, reason: errorForCode(t, bid.reason ?? "INTERNAL_ERROR") }),
      };
  }
}

export function BidProgress({ bidding, state }: { bidding: Bidding; state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const { phase, intent, bid, error } = bidding;
  if (phase === "idle" || intent === undefined) {
    return null;
  }
  // Once others have bid, the state of the auction says more than this bid.
  const standing = state.you?.state ?? "leading";
  if (phase === "decided" && bid?.status === "accepted" && standing !== "leading") {
    return null;
  }
  if (phase === "failed") {
    return <ErrorNotice error={error} />;
  }
  const amount = money(
    intent.kind === "maximum" || bid?.amount === null || bid?.amount === undefined
      ? intent.amount
      : toMinor(bid.amount),
    state.currency,
  );
  const shown =
    phase === "decided" && bid !== undefined
      ? decided(t, bid, amount)
      : {
          tone: "info" as const,
          text: phase === "sending" ? t("auction.bidSending", { amount }) : t("auction.bidQueued", { amount }),
        };
  return (
    <div data-testid="progress" data-phase={phase}>
      <Notice tone={shown.tone}>{shown.text}</Notice>
    </div>
  );
}
