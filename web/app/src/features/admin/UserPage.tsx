/** A user: what they bid on and sell, who shares an address with them, banning and the role. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Badge } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { AdminPage } from "./AdminPage";
import { userQuery } from "./queries";
import { UserActs } from "./UserActs";
import { UserBids, UserSales } from "./UserAuctions";

const route = getRouteApi("/admin/users/$id");
type User = Schemas["AdminUserDetail"];

function Shared({ users }: { users: User["sharedAddresses"] }) {
  const t = useText();
  return (
    <Card title={t("admin.shared")}>
      {users.length === 0 && <p>{t("admin.none")}</p>}
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
      <UserActs user={user} />
      <UserBids bids={user.bids} />
      <UserSales auctions={user.auctions} />
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
