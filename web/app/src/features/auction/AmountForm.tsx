/** An own amount, as a bid or as a hidden maximum. What is too low is said while it is typed, before it is sent. */
import { useState } from "react";
import { parseAmount, type AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";

interface AmountFormProps {
  state: AuctionState;
  busy: boolean;
  onPlace: (kind: "bid" | "maximum", amount: number) => void;
}

export function AmountForm({ state, busy, onPlace }: AmountFormProps) {
  const t = useText();
  const { money } = useFormats();
  const [text, setText] = useState("");
  const amount = parseAmount(text);
  // Raising one's own maximum needs no minimum bid: it only has to be above the present maximum.
  const raises = state.you?.state === "leading" && amount !== null && amount > (state.you.myMaximum ?? 0);
  const minimum = money(state.minimumBid, state.currency);
  const tooLow = amount !== null && amount < state.minimumBid;
  const error =
    text.trim() === ""
      ? undefined
      : amount === null
        ? t("auction.notAnAmount")
        : tooLow && !raises
          ? t("auction.tooLow", { minimum })
          : undefined;

  function place(kind: "bid" | "maximum") {
    if (amount !== null) {
      onPlace(kind, amount);
      setText("");
    }
  }

  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!tooLow && !busy) {
          place("bid");
        }
      }}
    >
      <TextField
        label={t("auction.ownAmount")}
        hint={t("auction.minimum", { minimum })}
        error={error}
        inputMode="decimal"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="grid grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))] gap-2">
        <Button type="submit" disabled={busy || amount === null || tooLow}>
          {t("auction.bid")}
        </Button>
        <Button disabled={busy || amount === null || (tooLow && !raises)} onClick={() => place("maximum")}>
          {t("auction.setMaximum")}
        </Button>
      </div>
      <details className="text-muted text-sm">
        <summary className="min-h-8">{t("auction.whatIsMaximum")}</summary>
        <p className="pt-2">{t("auction.maximumExplained")}</p>
      </details>
    </form>
  );
}
