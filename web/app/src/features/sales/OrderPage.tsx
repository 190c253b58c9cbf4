/** An order: what came of it, and while it is reserved its checkout. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { NeedsUser } from "../../shell/NeedsUser";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { ErrorNotice, errorForCode } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Card, Page, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { Checkout } from "./Checkout";
import { orderQuery } from "./queries";
import { OrderStatus } from "../../ui/OrderStatus";

const route = getRouteApi("/orders/$id");

function OrderCard({ order }: { order: Schemas["Order"] }) {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  const totalPrice = toMinor(order.totalPrice ?? 0);
  const expiresAt = order.expiresAt === undefined ? null : Date.parse(order.expiresAt);
  return (
    <Card className="max-w-xl" {...(order.productName !== undefined && { title: order.productName })}>
      <Facts
        items={[
          [t("sales.orderStatus"), <OrderStatus key="status" status={order.status} />],
          [t("sales.quantity"), order.quantity],
          [t("sales.total"), money(totalPrice, order.currency)],
          [t("sales.orderedAt"), dateSeconds(order.receivedAt)],
        ]}
      />
      {order.reason !== undefined && <Notice tone="bad">{errorForCode(t, order.reason)}</Notice>}
      {order.status === "reserved" && (
        <Checkout
          order={{ ...order, totalPrice, expiresAt }}
          sale={{ id: order.flashSaleId, currency: order.currency }}
        />
      )}
      <Link to="/sales/$id" params={{ id: order.flashSaleId }} className="underline">
        {t("sales.toSale")}
      </Link>
    </Card>
  );
}

function Shown() {
  const { id } = route.useParams();
  const query = useQuery(orderQuery(id));
  if (query.data !== undefined) {
    return <OrderCard key={id} order={query.data} />;
  }
  return query.isError ? (
    <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Skeleton className="h-64" />
  );
}

export function OrderPage() {
  const t = useText();
  return (
    <Page title={t("sales.orderTitle")}>
      <NeedsUser>
        <Shown />
      </NeedsUser>
    </Page>
  );
}
