/**
 * What screen readers hear while an auction goes on: price and minimum as they change, and the time at a few marks. The
 * countdown itself is silent: it would be read without end.
 */
import type { AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { useTimeLeft } from "../../ui/TimeLeft";

const MARKS_S = [10, 30, 60, 300];

export function Announcer({ state }: { state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const seconds = useTimeLeft(state.endTime) / 1000;
  const mark = MARKS_S.find((each) => seconds > 0 && seconds <= each);
  if (state.status !== "active") {
    return null;
  }
  return (
    <div className="sr-only">
      <p aria-live="polite">
        {t("auction.spokenPrice", {
          price: money(state.currentBid ?? state.startingPrice, state.currency),
          minimum: money(state.minimumBid, state.currency),
        })}
      </p>
      <p aria-live="polite">{mark !== undefined && t("auction.spokenTime", { seconds: mark })}</p>
    </div>
  );
}
