/** What a user bid on, and what they sell. */
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { isTextId, useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { Card } from "../../ui/Page";
import { Table } from "../../ui/Table";

type User = Schemas["AdminUserDetail"];

export function UserBids({ bids }: { bids: User["bids"] }) {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <Card title={t("admin.userBids")}>
      {bids.length === 0 && <p>{t("admin.none")}</p>}
      {bids.length > 0 && (
        <Table
          label={t("admin.userBids")}
          head={[t("admin.title"), t("admin.status"), t("admin.state"), t("admin.amount"), t("admin.time")]}
        >
          {bids.map((bid) => {
            const state = `me.state.${bid.state}`;
            return (
              <tr key={bid.auctionId}>
                <td>
                  <Link to="/admin/auctions/$id" params={{ id: bid.auctionId }} className="underline">
                    {bid.title}
                  </Link>
                </td>
                <td>
                  <AuctionStatus status={bid.status} />
                </td>
                <td>{isTextId(state) ? t(state) : bid.state}</td>
                <td className="text-right tabular-nums">
                  {bid.highestBid === null ? "–" : money(toMinor(bid.highestBid))}
                </td>
                <td className="whitespace-nowrap">{date(bid.lastBidAt)}</td>
              </tr>
            );
          })}
        </Table>
      )}
    </Card>
  );
}

export function UserSales({ auctions }: { auctions: User["auctions"] }) {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <Card title={t("admin.userAuctions")}>
      {auctions.length === 0 && <p>{t("admin.none")}</p>}
      {auctions.length > 0 && (
        <Table
          label={t("admin.userAuctions")}
          head={[t("admin.title"), t("admin.status"), t("admin.price"), t("admin.end")]}
        >
          {auctions.map((each) => (
            <tr key={each.auctionId}>
              <td>
                <Link to="/admin/auctions/$id" params={{ id: each.auctionId }} className="underline">
                  {each.title}
                </Link>
              </td>
              <td>
                <AuctionStatus status={each.status} />
              </td>
              <td className="text-right tabular-nums">
                {each.currentBid === null ? "–" : money(toMinor(each.currentBid))}
              </td>
              <td className="whitespace-nowrap">{date(each.endTime)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}
