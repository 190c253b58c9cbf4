/** The auctions on which the user bid, by how they stand: live while they are on the screen. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useVisibleLive } from "../../lib/live";
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

/** The members of a row as they are live, else as they were read. */
function useBid(bid: Schemas["MyBid"]) {
  const { ref, live } = useVisibleLive(bid.auctionId);
  const you = live?.you ?? null;
  const minor = (amount: number | null) => (amount === null ? null : toMinor(amount));
  const shown = {
    status: live?.status ?? bid.status,
    endTime: live?.endTime ?? Date.parse(bid.endTime),
    currentBid: live === null ? minor(bid.currentBid) : live.currentBid,
    // Who has bid never stands at "none" again, but a message without the user's view says so.
    standing: you === null || you.state === "none" ? bid.state : you.state,
    maximum: you === null ? minor(bid.myMaximum) : you.myMaximum,
    highest: you === null ? minor(bid.myHighestBid) : you.myHighestBid,
  };
  return { ref, shown };
}

function BidRow({ bid }: { bid: Schemas["MyBid"] }) {
  const t = useText();
  const { money } = useFormats();
  const { ref, shown } = useBid(bid);
  const { status, endTime, currentBid, standing, maximum, highest } = shown;
  const state = `me.state.${standing}`;
  return (
    <article ref={ref} className="bg-surface border-line relative grid gap-2 rounded-(--radius-card) border p-4">
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
        <Badge tone={TONES[standing] ?? "info"}>{isTextId(state) ? t(state) : standing}</Badge>
      </div>
      <p className="text-muted flex flex-wrap gap-x-5 text-sm">
        {currentBid !== null && <span>{t("me.price", { price: money(currentBid) })}</span>}
        {highest !== null && <span>{t("me.myBid", { price: money(highest) })}</span>}
        {maximum !== null && <span>{t("me.myMaximum", { price: money(maximum) })}</span>}
        {status === "active" && (
          <span>
            {t("me.endsIn")} <TimeLeft until={endTime} inList />
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
