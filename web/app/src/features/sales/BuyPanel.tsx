/** The one next step of the visitor: log in, join, wait, order within the turn, or pay for what is reserved. */
import { Link } from "@tanstack/react-router";
import type { SaleState } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useSession } from "../../lib/session";
import { useText } from "../../lib/text";
import { buttonClass } from "../../ui/Button";
import { Notice } from "../../ui/Notice";
import { Checkout } from "./Checkout";
import { JoinForm } from "./JoinForm";
import { Turn } from "./Turn";
import { Waiting } from "./Waiting";

const OVER = ["ended", "settled", "sold_out", "cancelled"] as const;

function Step({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const reserved = state.you?.orders.find((each) => each.status === "reserved");
  if (reserved !== undefined) {
    return <Checkout key={reserved.orderId} order={reserved} sale={sale} />;
  }
  const over = OVER.find((each) => each === state.status);
  if (over !== undefined) {
    return <Notice>{t(`sales.over.${over}`)}</Notice>;
  }
  switch (state.you?.status) {
    case "turn":
      return <Turn sale={sale} state={state} />;
    case "waiting":
    case "pending":
      return <Waiting sale={sale} state={state} />;
    default:
      return <JoinForm sale={sale} state={state} />;
  }
}

export function BuyPanel({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const { user } = useSession();
  const confirmed = state.you?.orders.filter((each) => each.status === "confirmed") ?? [];
  if (user === undefined) {
    return null;
  }
  if (user === null) {
    return (
      <>
        <Link to="/login" search={{ back: `/sales/${sale.id}` }} className={buttonClass("primary")}>
          {t("sales.loginToJoin")}
        </Link>
        <Link to="/register" search={{ back: `/sales/${sale.id}` }} className={buttonClass()}>
          {t("sales.registerToJoin")}
        </Link>
      </>
    );
  }
  return (
    <div className="grid gap-4" data-testid="step">
      {confirmed.map((each) => (
        <Notice key={each.orderId} tone="good">
          {t("sales.bought", { count: each.quantity })}{" "}
          <Link to="/orders/$id" params={{ id: each.orderId }} className="underline">
            {t("sales.seeOrder")}
          </Link>
        </Notice>
      ))}
      <Step sale={sale} state={state} />
    </div>
  );
}
