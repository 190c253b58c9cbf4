/** The bids of an auction with their bidders, and voiding them. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Badge } from "../../ui/Notice";
import { Empty } from "../../ui/Page";
import { Act } from "./Act";
import { AdminTable } from "./AdminTable";
import { bidsQuery } from "./queries";

export function AuctionBids({ id }: { id: string }) {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  return (
    <AdminTable
      label={t("admin.bids")}
      query={useInfiniteQuery(bidsQuery(id))}
      empty={<Empty>{t("admin.noBids")}</Empty>}
      head={[t("admin.amount"), t("admin.bidder"), t("admin.acts"), t("admin.time"), t("admin.pseudonym")]}
      keyOf={(bid) => bid.bidId}
    >
      {(bid) => (
        <>
          <td className={`text-right tabular-nums ${bid.voided ? "line-through" : ""}`}>
            {money(toMinor(bid.amount))}
          </td>
          <td>
            <Link to="/admin/users/$id" params={{ id: bid.bidderId }} className="underline">
              {bid.bidderName}
            </Link>
          </td>
          <td className="whitespace-nowrap">
            {bid.voided ? (
              <Badge tone="bad">{t("admin.voided")}</Badge>
            ) : (
              <Act
                text={t("admin.void")}
                label={t("admin.voidBid", { amount: money(toMinor(bid.amount)), name: bid.bidderName })}
                act={(reason) =>
                  rostrum.post("/api/v1/admin/auctions/{id}/bids/{bidId}/void", {
                    params: { path: { id, bidId: bid.bidId } },
                    body: { reason },
                  })
                }
              >
                {t("admin.voidExplained")}
              </Act>
            )}
          </td>
          <td className="whitespace-nowrap">{dateSeconds(bid.createdAt)}</td>
          <td>{bid.bidder}</td>
        </>
      )}
    </AdminTable>
  );
}
