/** What is reserved for the visitor, its clock, and confirming or giving it back. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SaleOrder } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { TimeLeft } from "../../ui/TimeLeft";
import { orderQuery, saleQuery } from "./queries";

const DECISION_WAIT_S = 5;

function useOrderCommand(order: Pick<SaleOrder, "orderId">, saleId: string, act: "confirm" | "cancel") {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      act === "confirm"
        ? rostrum.confirmOrder(order.orderId, { wait: DECISION_WAIT_S })
        : rostrum.cancelOrder(order.orderId, { wait: DECISION_WAIT_S }),
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: saleQuery(saleId).queryKey }),
        queries.invalidateQueries({ queryKey: orderQuery(order.orderId).queryKey }),
        queries.invalidateQueries({ queryKey: ["me", "orders"] }),
      ]),
  });
}

type Reserved = Pick<SaleOrder, "orderId" | "quantity" | "totalPrice" | "expiresAt">;

export function Checkout({ order, sale }: { order: Reserved; sale: Pick<Schemas["FlashSale"], "id" | "currency"> }) {
  const t = useText();
  const { money } = useFormats();
  const confirm = useOrderCommand(order, sale.id, "confirm");
  const cancel = useOrderCommand(order, sale.id, "cancel");
  const payment = confirm.data !== undefined && "paymentUrl" in confirm.data ? confirm.data.paymentUrl : undefined;
  return (
    <div className="grid gap-4">
      <Notice tone="good">
        {t("sales.reserved", { count: order.quantity, price: money(order.totalPrice, sale.currency) })}{" "}
        {order.expiresAt !== null && (
          <strong data-testid="reservation-left">
            <TimeLeft until={order.expiresAt} />
          </strong>
        )}
      </Notice>
      {(confirm.isError || cancel.isError) && <ErrorNotice error={confirm.error ?? cancel.error} />}
      {payment === undefined ? (
        <Button
          kind="primary"
          busy={confirm.isPending}
          disabled={cancel.isPending}
          onClick={() => {
            confirm.mutate();
          }}
        >
          {t("sales.confirm")}
        </Button>
      ) : (
        <a href={payment} rel="noreferrer" className={buttonClass("primary")}>
          {t("sales.pay")}
        </a>
      )}
      <Button
        busy={cancel.isPending}
        disabled={confirm.isPending}
        onClick={() => {
          cancel.mutate();
        }}
      >
        {t("sales.cancelOrder")}
      </Button>
    </div>
  );
}
