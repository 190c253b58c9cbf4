/** The auctions on which the user bid, by how they stand. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { isTextId, useText } from "../../lib/text";
import { Listing } from "../../ui/Listing";
import { Badge, type Tone } from "../../ui/Notice";
import { Empty } from "../../ui/Page";
import { TimeLeft } from "../../ui/TimeLeft";
import { FilterChips } from "./FilterChips";
import { MePage } from "./MePage";
import { myBidsQuery } from "./queries";
import { STATES } from "./search";

const route = getRouteApi("/me/bids");
const TONES: Readonly<Record<string, Tone>> = { leading: "good", outbid: "warn", won: "good", lost: "info" };

function BidRow({ bid }: { bid: Schemas["MyBid"] }) {
  const t = useText();
  const { money } = useFormats();
  const state = `me.state.${bid.state}`;
  return (
    <article className="bg-surface border-line relative grid gap-2 rounded-(--radius-card) border p-4">
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h2 className="font-medium">
          <Link
            to="/auctions/$id"
            params={{ id: bid.auctionId }}
            className="after:absolute after:inset-0 hover:underline"
          >
            {bid.title}
          </Link>
        </h2>
        <Badge tone={TONES[bid.state] ?? "info"}>{isTextId(state) ? t(state) : bid.state}</Badge>
      </div>
      <p className="text-muted flex flex-wrap gap-x-5 text-sm">
        {bid.currentBid !== null && <span>{t("me.price", { price: money(toMinor(bid.currentBid)) })}</span>}
        {bid.myHighestBid !== null && <span>{t("me.myBid", { price: money(toMinor(bid.myHighestBid)) })}</span>}
        {bid.myMaximum !== null && <span>{t("me.myMaximum", { price: money(toMinor(bid.myMaximum)) })}</span>}
        {bid.status === "active" && (
          <span>
            {t("me.endsIn")} <TimeLeft until={Date.parse(bid.endTime)} />
          </span>
        )}
      </p>
    </article>
  );
}

function List() {
  const t = useText();
  const { state } = route.useSearch();
  const query = useInfiniteQuery(myBidsQuery(state));
  const chips = [
    { text: t("me.all"), search: {}, chosen: state === undefined },
    ...STATES.map((each) => ({ text: t(`me.state.${each}`), search: { state: each }, chosen: state === each })),
  ];
  return (
    <>
      <FilterChips label={t("me.filter")} chips={chips} />
      <Listing
        query={query}
        keyOf={(bid) => bid.auctionId}
        empty={
          <Empty>
            <p>{t("me.noBids")}</p>
            <Link to="/" className="underline">
              {t("shell.toAuctions")}
            </Link>
          </Empty>
        }
      >
        {(bid) => <BidRow bid={bid} />}
      </Listing>
    </>
  );
}

export function MyBidsPage() {
  const t = useText();
  return (
    <MePage title={t("me.bids")}>
      <List />
    </MePage>
  );
}
