/** A flash sale: the product, the stock as it goes, and the visitor's way through line, turn and checkout. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { SaleState } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useSaleState } from "../../lib/live";
import { useText } from "../../lib/text";
import { NotLoaded } from "../../ui/NotLoaded";
import { Notice } from "../../ui/Notice";
import { Card, Page, Skeleton } from "../../ui/Page";
import { TimeLeft } from "../../ui/TimeLeft";
import { BuyPanel } from "./BuyPanel";
import { ProductCard } from "./ProductCard";
import { saleQuery } from "./queries";
import { SaleStatus } from "../../ui/OrderStatus";
import { Stock } from "./Stock";

const route = getRouteApi("/sales/$id");

function Clock({ state }: { state: SaleState }) {
  const t = useText();
  const { date } = useFormats();
  const clocks = {
    upcoming: ["sales.opensIn", state.joinTime],
    open: ["sales.startsIn", state.startTime],
    active: ["sales.endsIn", state.endTime],
  } as const;
  const clock = Object.hasOwn(clocks, state.status) ? clocks[state.status as keyof typeof clocks] : undefined;
  if (clock === undefined) {
    return <p className="text-muted">{t("sales.endedAt", { time: date(state.endTime) })}</p>;
  }
  return (
    <p>
      {t(clock[0])}{" "}
      <span className="text-xl font-semibold">
        <TimeLeft until={clock[1]} />
      </span>
    </p>
  );
}

function Shown({ sale }: { sale: Schemas["FlashSale"] }) {
  const t = useText();
  const { money } = useFormats();
  const state = useSaleState(sale);
  return (
    <Page title={sale.productName}>
      <div className="grid items-start gap-6 lg:grid-cols-[1fr_24rem]">
        <ProductCard productId={sale.productId} />
        <Card className="lg:sticky lg:top-6">
          <div className="flex flex-wrap items-start justify-between gap-4">
            <p className="text-3xl font-semibold tabular-nums">{money(state.terms?.flashPrice ?? 0, sale.currency)}</p>
            <SaleStatus status={state.status} />
          </div>
          <Clock state={state} />
          <Stock state={state} />
          {state.freshness === "stale" && <Notice tone="warn">{t("sales.stale")}</Notice>}
          <BuyPanel sale={sale} state={state} />
        </Card>
      </div>
    </Page>
  );
}

export function SalePage() {
  const { id } = route.useParams();
  const query = useQuery(saleQuery(id));
  if (query.data !== undefined) {
    return <Shown key={id} sale={query.data} />;
  }
  return query.isError ? (
    <NotLoaded error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Skeleton className="h-96" />
  );
}
