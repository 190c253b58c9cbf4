/** Auctions of every status. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { auctionsQuery } from "./queries";
import { readAuctionSearch, STATUSES } from "./search";
import { SearchBox } from "./SearchBox";

const route = getRouteApi("/admin/auctions");

function List() {
  const t = useText();
  const { money, date, number } = useFormats();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <SearchBox
        words={search.q ?? ""}
        choice={search.status ?? ""}
        choices={STATUSES.map((value) => ({ value, text: t(`ui.status.${value}`) }))}
        choiceLabel={t("admin.status")}
        onSearch={(q, status) => void navigate({ search: readAuctionSearch({ q, status }) })}
      />
      <AdminTable
        label={t("admin.auctions")}
        query={useInfiniteQuery(auctionsQuery(search))}
        empty={<Empty>{t("admin.nothing")}</Empty>}
        head={[
          t("admin.title"),
          t("admin.status"),
          t("admin.price"),
          t("admin.bids"),
          t("admin.leader"),
          t("admin.seller"),
          t("admin.end"),
        ]}
        keyOf={(auction) => auction.id}
      >
        {(auction) => (
          <>
            <td>
              <Link to="/admin/auctions/$id" params={{ id: auction.id }} className="underline">
                {auction.title}
              </Link>
            </td>
            <td>
              <AuctionStatus status={auction.status} />
            </td>
            <td className="text-right tabular-nums">{money(toMinor(auction.currentBid ?? auction.startingPrice))}</td>
            <td className="text-right tabular-nums">{number(auction.bidCount)}</td>
            <td>{auction.leaderName ?? "–"}</td>
            <td>{auction.sellerName}</td>
            <td className="whitespace-nowrap">{date(auction.endTime)}</td>
          </>
        )}
      </AdminTable>
    </>
  );
}

export function AuctionsPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.auctions")}>
      <List />
    </AdminPage>
  );
}
