/** A user: what they bid on and sell, who shares an address with them, banning and the role. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { isTextId, useText } from "../../lib/text";
import { AuctionStatus } from "../../ui/AuctionStatus";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Badge } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { Facts, Table } from "../../ui/Table";
import { Act } from "./Act";
import { AdminPage } from "./AdminPage";
import { userQuery } from "./queries";

const route = getRouteApi("/admin/users/$id");
type User = Schemas["AdminUserDetail"];

function Acts({ user }: { user: User }) {
  const t = useText();
  const params = { path: { id: user.id } };
  const role = user.role === "admin" ? "user" : "admin";
  const name = user.displayName;
  return (
    <Card title={t("admin.acts")}>
      <div className="flex flex-wrap gap-3">
        {user.bannedAt === null ? (
          <Act
            text={t("admin.ban")}
            act={(reason) => rostrum.post("/api/v1/admin/users/{id}/ban", { params, body: { reason } })}
          >
            {t("admin.banExplained", { name })}
          </Act>
        ) : (
          <Act
            text={t("admin.unban")}
            act={(reason) => rostrum.post("/api/v1/admin/users/{id}/unban", { params, body: { reason } })}
          >
            {t("admin.unbanExplained", { name })}
          </Act>
        )}
        <Act
          text={t(`admin.make.${role}`)}
          act={(reason) => rostrum.put("/api/v1/admin/users/{id}/role", { params, body: { role, reason } })}
        >
          {t(`admin.makeExplained.${role}`, { name })}
        </Act>
      </div>
    </Card>
  );
}

function Bids({ bids }: { bids: User["bids"] }) {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <Card title={t("admin.userBids")}>
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
    </Card>
  );
}

function Sold({ auctions }: { auctions: User["auctions"] }) {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <Card title={t("admin.userAuctions")}>
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
    </Card>
  );
}

function Shared({ users }: { users: User["sharedAddresses"] }) {
  const t = useText();
  return (
    <Card title={t("admin.shared")}>
      <ul className="grid gap-2">
        {users.map((each) => (
          <li key={each.id}>
            <Link to="/admin/users/$id" params={{ id: each.id }} className="underline">
              {each.displayName}
            </Link>{" "}
            <span className="text-muted">{t("admin.sharedCount", { count: each.addresses })}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Shown() {
  const t = useText();
  const { date } = useFormats();
  const { id } = route.useParams();
  const query = useQuery(userQuery(id));
  const user = query.data;
  if (user === undefined) {
    return query.isError ? (
      <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Skeleton className="h-64" />
    );
  }
  return (
    <>
      <Card title={user.displayName}>
        <Facts
          items={[
            [t("admin.email"), user.email],
            [t("admin.verified"), user.emailVerified ? t("admin.yes") : t("admin.no")],
            [t("admin.role"), t(`admin.role.${user.role === "admin" ? "admin" : "user"}`)],
            [t("admin.since"), date(user.createdAt)],
            [
              t("admin.banned"),
              user.bannedAt === null ? (
                t("admin.no")
              ) : (
                <Badge key="ban" tone="bad">
                  {date(user.bannedAt)}
                </Badge>
              ),
            ],
          ]}
        />
      </Card>
      <Acts user={user} />
      <Bids bids={user.bids} />
      <Sold auctions={user.auctions} />
      <Shared users={user.sharedAddresses} />
    </>
  );
}

export function UserPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.user")}>
      <Shown />
    </AdminPage>
  );
}
