/** The auctions: search, filters and a list that goes on. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useText } from "../../lib/text";
import { buttonClass } from "../../ui/Button";
import { Listing } from "../../ui/Listing";
import { Empty, Page } from "../../ui/Page";
import { AuctionCard } from "./AuctionCard";
import { Filters } from "./Filters";
import { auctionsQuery } from "./queries";
import { SearchForm } from "./SearchForm";

const route = getRouteApi("/");

export function BrowsePage() {
  const t = useText();
  const search = route.useSearch();
  const query = useInfiniteQuery(auctionsQuery(search));
  const facets = query.data?.pages[0]?.facets;
  return (
    <Page title={t("browse.title")}>
      <SearchForm key={search.q ?? ""} search={search} />
      <div className="grid items-start gap-6 lg:grid-cols-[14rem_1fr]">
        <Filters search={search} facets={facets} />
        <section aria-label={t("browse.results")} aria-busy={query.isFetching} className="grid gap-4">
          <p role="status" className="text-muted">
            {facets !== undefined && t("browse.matches", { count: facets.matches, more: String(facets.approximate) })}
          </p>
          <Listing
            query={query}
            keyOf={(auction) => auction.id}
            className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3"
            skeleton="h-80"
            empty={
              <Empty>
                <p>{t("browse.nothing")}</p>
                <Link to="/" className={buttonClass()}>
                  {t("shell.toAuctions")}
                </Link>
              </Empty>
            }
          >
            {(auction) => <AuctionCard auction={auction} />}
          </Listing>
        </section>
      </div>
    </Page>
  );
}
