/** The flash sales: those that are open, those to come, those that are over. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useText } from "../../lib/text";
import { Listing } from "../../ui/Listing";
import { Empty, Page } from "../../ui/Page";
import { salesQuery } from "./queries";
import { SaleCard } from "./SaleCard";
import { GROUPS, type Group } from "./search";

const route = getRouteApi("/sales");
const TAB =
  "aria-[current=true]:border-accent flex min-h-11 items-center border-b-2 border-transparent px-3 aria-[current=true]:font-semibold";

export function SalesPage() {
  const t = useText();
  const { show = "now" } = route.useSearch();
  const query = useInfiniteQuery(salesQuery(show));
  return (
    <Page title={t("sales.title")}>
      <nav aria-label={t("sales.groups")} className="border-line flex flex-wrap gap-2 border-b">
        {(Object.keys(GROUPS) as Group[]).map((each) => (
          <Link key={each} to="/sales" search={{ show: each }} aria-current={each === show} className={TAB}>
            {t(`sales.group.${each}`)}
          </Link>
        ))}
      </nav>
      <Listing
        query={query}
        keyOf={(sale) => sale.id}
        className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3"
        skeleton="h-40"
        empty={<Empty>{t("sales.none")}</Empty>}
      >
        {(sale) => <SaleCard sale={sale} />}
      </Listing>
    </Page>
  );
}
