/** The auctions that the user sells: drafts, running ones, results. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import { useText } from "../../lib/text";
import { buttonClass } from "../../ui/Button";
import { CancelAuction } from "../../ui/CancelAuction";
import { Listing } from "../../ui/Listing";
import { Empty } from "../../ui/Page";
import { AuctionRow } from "./AuctionRow";
import { FilterChips } from "./FilterChips";
import { MePage } from "./MePage";
import { myAuctionsQuery } from "./queries";
import { STATUSES } from "./search";

const route = getRouteApi("/me/auctions");

function Next({ auction }: { auction: Auction }) {
  const t = useText();
  if (auction.contact !== undefined) {
    return (
      <a className={buttonClass()} href={`mailto:${auction.contact.email}`}>
        {t("me.contact", { name: auction.contact.displayName })}
      </a>
    );
  }
  return auction.status === "draft" ? (
    <div className="flex flex-wrap gap-3">
      <Link to="/sell" search={{ draft: auction.id }} className={buttonClass()}>
        {t("me.continueDraft")}
      </Link>
      <CancelAuction auction={auction} />
    </div>
  ) : null;
}

function List() {
  const t = useText();
  const { status } = route.useSearch();
  const query = useInfiniteQuery(myAuctionsQuery(status));
  const chips = [
    { text: t("me.all"), search: {}, chosen: status === undefined },
    ...STATUSES.map((each) => ({
      text: t(`ui.status.${each}`),
      search: { status: each },
      chosen: status === each,
    })),
  ];
  return (
    <>
      <FilterChips label={t("me.filter")} chips={chips} />
      <Listing query={query} keyOf={(auction) => auction.id} empty={<Empty>{t("me.noAuctions")}</Empty>}>
        {(auction) => (
          <AuctionRow auction={auction}>
            <Next auction={auction} />
          </AuctionRow>
        )}
      </Listing>
    </>
  );
}

export function MyAuctionsPage() {
  const t = useText();
  const sell = (
    <Link to="/sell" className={buttonClass("primary")}>
      {t("me.sellSomething")}
    </Link>
  );
  return (
    <MePage title={t("me.auctions")} aside={sell}>
      <List />
    </MePage>
  );
}
