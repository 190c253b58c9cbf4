/** The user's orders in flash sales. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Listing } from "../../ui/Listing";
import { OrderStatus } from "../../ui/OrderStatus";
import { Empty } from "../../ui/Page";
import { MePage } from "./MePage";
import { ordersQuery } from "./queries";

function List() {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <Listing
      query={useInfiniteQuery(ordersQuery)}
      keyOf={(order) => order.orderId}
      empty={<Empty>{t("me.noOrders")}</Empty>}
    >
      {(order) => (
        <article className="bg-surface border-line relative flex flex-wrap items-center justify-between gap-3 rounded-(--radius-card) border p-4">
          <h2 className="font-medium">
            <Link
              to="/orders/$id"
              params={{ id: order.orderId }}
              className="after:absolute after:inset-0 hover:underline"
            >
              {order.productName ?? t("me.orderUnits", { count: order.quantity })}
            </Link>
          </h2>
          {order.productName !== undefined && <span>{t("me.orderUnits", { count: order.quantity })}</span>}
          <span className="tabular-nums">{money(toMinor(order.totalPrice ?? 0), order.currency)}</span>
          <span className="text-muted text-sm">{date(order.receivedAt)}</span>
          <OrderStatus status={order.status} />
        </article>
      )}
    </Listing>
  );
}

export function OrdersPage() {
  const t = useText();
  return (
    <MePage title={t("me.orders")}>
      <List />
    </MePage>
  );
}
