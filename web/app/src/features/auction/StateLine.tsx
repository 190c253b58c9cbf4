/** The one clear state of an auction for its visitor. */
import type { Auction, AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText, type Translate } from "../../lib/text";
import { Notice, type Tone } from "../../ui/Notice";

interface Line {
  tone: Tone;
  text: string;
}

/** What stands in the line, the most important first. Null: there is nothing to say. */
export function lineFor(
  t: Translate,
  money: (minor: number) => string,
  auction: Auction,
  state: AuctionState,
): Line | null {
  const you = state.you?.state ?? "none";
  if (you === "won") {
    return { tone: "good", text: t("auction.won") };
  }
  if (you === "lost") {
    return { tone: "info", text: t("auction.lost") };
  }
  if (state.status === "sold" || state.status === "unsold" || state.status === "cancelled") {
    return { tone: "info", text: t(`auction.over.${state.status}`) };
  }
  if (you === "leading") {
    const maximum = state.you?.myMaximum ?? null;
    const text = maximum === null ? t("auction.youLead") : t("auction.youLeadUpTo", { maximum: money(maximum) });
    return { tone: "good", text: state.reserveMet ? text : `${text} ${t("auction.reserveNotMet")}` };
  }
  if (you === "outbid") {
    return { tone: "warn", text: t("auction.outbid") };
  }
  if (auction.hasReserve && state.bidCount > 0) {
    return { tone: "info", text: state.reserveMet ? t("auction.reserveMet") : t("auction.reserveNotMet") };
  }
  return null;
}

export function StateLine({ auction, state }: { auction: Auction; state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const line = lineFor(t, (minor) => money(minor, state.currency), auction, state);
  return <div data-testid="state">{line !== null && <Notice tone={line.tone}>{line.text}</Notice>}</div>;
}
