/** What a seller sees of the own auction: the reserve, and until the first bid changing and cancelling it. */
import { Link } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { toMinor, type Auction, type AuctionState } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { buttonClass } from "../../ui/Button";
import { CancelAuction } from "../../ui/CancelAuction";
import { Card } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { auctionQuery } from "./queries";

const CHANGEABLE = new Set(["draft", "scheduled", "active"]);

export default function SellerTools({ auction, state }: { auction: Auction; state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const queries = useQueryClient();
  const reserve = auction.reservePrice ?? null;
  const changeable = CHANGEABLE.has(state.status) && state.bidCount === 0;
  if (reserve === null && !changeable) {
    return null;
  }
  const draft = state.status === "draft";
  return (
    <Card title={t("auction.forYou")}>
      {reserve !== null && <Facts items={[[t("auction.reserve"), money(toMinor(reserve), state.currency)]]} />}
      {changeable && (
        <>
          <p>{draft ? t("auction.draft") : t("auction.untilFirstBid")}</p>
          <Link to="/sell" search={{ draft: auction.id }} className={buttonClass()}>
            {draft ? t("auction.continueDraft") : t("auction.change")}
          </Link>
          {!draft && (
            <CancelAuction
              auction={auction}
              onDone={() => queries.invalidateQueries({ queryKey: auctionQuery(auction.id).queryKey })}
            />
          )}
        </>
      )}
    </Card>
  );
}
