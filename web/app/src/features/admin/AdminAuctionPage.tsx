/** An auction as admins see it: extending, ending, cancelling, and who bid. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { toMinor, type Auction } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Card, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { Act } from "./Act";
import { AdminPage } from "./AdminPage";
import { AuctionBids } from "./AuctionBids";
import { auctionQuery } from "./queries";

const route = getRouteApi("/admin/auctions/$id");
const MINUTE_MS = 60_000;

function Acts({ auction }: { auction: Auction }) {
  const t = useText();
  const [minutes, setMinutes] = useState(60);
  const params = { path: { id: auction.id } };
  if (auction.status !== "active" && auction.status !== "scheduled") {
    return null;
  }
  const endTime = new Date(Date.parse(auction.endTime) + minutes * MINUTE_MS).toISOString();
  return (
    <Card title={t("admin.acts")}>
      <div className="flex flex-wrap items-end gap-3">
        <TextField
          label={t("admin.minutes")}
          type="number"
          min={1}
          value={minutes}
          onChange={({ target }) => {
            setMinutes(Math.max(1, target.valueAsNumber || 1));
          }}
        />
        <Act
          text={t("admin.extend")}
          kind="plain"
          act={(reason) =>
            rostrum.put("/api/v1/admin/auctions/{id}", { params, body: { action: "extend", endTime, reason } })
          }
        >
          {t("admin.extendExplained", { minutes })}
        </Act>
        <Act
          text={t("admin.endNow")}
          act={(reason) => rostrum.put("/api/v1/admin/auctions/{id}", { params, body: { action: "end", reason } })}
        >
          {t("admin.endExplained", { title: auction.title })}
        </Act>
        <Act
          text={t("admin.cancelAuction")}
          act={(reason) => rostrum.put("/api/v1/admin/auctions/{id}", { params, body: { action: "cancel", reason } })}
        >
          {t("admin.cancelExplained", { title: auction.title })}
        </Act>
      </div>
    </Card>
  );
}

function Shown() {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  const { id } = route.useParams();
  const query = useQuery(auctionQuery(id));
  const auction = query.data;
  if (auction === undefined) {
    return query.isError ? (
      <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Skeleton className="h-64" />
    );
  }
  return (
    <>
      <Card title={auction.title}>
        <Facts
          items={[
            [t("admin.status"), <AuctionStatus key="status" status={auction.status} />],
            [t("admin.seller"), auction.sellerName],
            [t("admin.price"), money(toMinor(auction.currentBid ?? auction.startingPrice))],
            [t("admin.end"), dateSeconds(auction.endTime)],
          ]}
        />
        <Link to="/auctions/$id" params={{ id }} className="underline">
          {t("admin.publicPage")}
        </Link>
      </Card>
      <Acts auction={auction} />
      <AuctionBids id={id} />
    </>
  );
}

export function AdminAuctionPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.auction")}>
      <Shown />
    </AdminPage>
  );
}
