/** Buying at once, after the price was confirmed: it ends the auction. */
import { useState } from "react";
import type { Auction, AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";

interface BuyNowProps {
  auction: Auction;
  state: AuctionState;
  busy: boolean;
  onBuy: (amount: number) => void;
}

export function BuyNow({ auction, state, busy, onBuy }: BuyNowProps) {
  const t = useText();
  const { money } = useFormats();
  const [asking, setAsking] = useState(false);
  const amount = state.buyNowPrice;
  if (amount === null) {
    return null;
  }
  const price = money(amount, state.currency);
  return (
    <>
      <Button disabled={busy} onClick={() => setAsking(true)}>
        {t("auction.buyNow", { price })}
      </Button>
      <Dialog title={t("auction.buyNow", { price })} open={asking} onClose={() => setAsking(false)}>
        <p>{t("auction.buyNowExplained", { price, title: auction.title })}</p>
        <Button
          kind="primary"
          onClick={() => {
            setAsking(false);
            onBuy(amount);
          }}
        >
          {t("auction.buyNowConfirm")}
        </Button>
      </Dialog>
    </>
  );
}
