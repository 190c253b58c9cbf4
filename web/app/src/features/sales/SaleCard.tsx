/** A flash sale in a list, live while it is on the screen. */
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useVisibleSale } from "../../lib/live";
import { useText } from "../../lib/text";
import { TimeLeft } from "../../ui/TimeLeft";
import { SaleStatus } from "../../ui/OrderStatus";

export function SaleCard({ sale }: { sale: Schemas["FlashSale"] }) {
  const t = useText();
  const { money } = useFormats();
  const { ref, state } = useVisibleSale(sale);
  const { status, startTime, endTime } = state;
  const starts = status === "upcoming" || status === "open";
  return (
    <article
      ref={ref}
      className="bg-surface border-line relative grid content-start gap-2 rounded-(--radius-card) border p-4"
    >
      <h2 className="font-medium">
        <Link to="/sales/$id" params={{ id: sale.id }} className="after:absolute after:inset-0 hover:underline">
          {sale.productName}
        </Link>
      </h2>
      <p className="flex items-baseline justify-between gap-3">
        <span className="text-lg font-semibold tabular-nums">
          {money(state.terms?.flashPrice ?? toMinor(sale.flashPrice), sale.currency)}
        </span>
        <span className="text-muted text-sm">
          {t("sales.units", { count: state.terms?.quantityAvailable ?? sale.quantityAvailable })}
        </span>
      </p>
      <p className="text-muted flex items-center justify-between gap-3 text-sm">
        <SaleStatus status={status} />
        {starts && (
          <span>
            {t("sales.startsIn")} <TimeLeft until={startTime} inList />
          </span>
        )}
        {status === "active" && (
          <span>
            {t("sales.endsIn")} <TimeLeft until={endTime} inList />
          </span>
        )}
      </p>
    </article>
  );
}
