/** The flash sales: extending, closing, cancelling. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { SaleStatus } from "../../ui/OrderStatus";
import { Empty } from "../../ui/Page";
import { Act } from "./Act";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { salesQuery } from "./queries";

const EXTENSION_MS = 3_600_000;
const OPEN = new Set(["upcoming", "open", "active"]);

function Acts({ sale }: { sale: Schemas["FlashSale"] }) {
  const t = useText();
  const params = { path: { id: sale.id } };
  const endTime = new Date(Date.parse(sale.endTime) + EXTENSION_MS).toISOString();
  const name = sale.productName;
  if (!OPEN.has(sale.status)) {
    return null;
  }
  return (
    <div className="flex flex-wrap gap-2">
      <Act
        text={t("admin.extendHour")}
        act={(reason) => rostrum.post("/api/v1/flash-sales/{id}/extend", { params, body: { endTime, reason } })}
      >
        {t("admin.extendSaleExplained", { name })}
      </Act>
      {sale.status === "active" && (
        <Act
          text={t("admin.closeSale")}
          act={(reason) => rostrum.post("/api/v1/flash-sales/{id}/close", { params, body: { reason } })}
        >
          {t("admin.closeSaleExplained", { name })}
        </Act>
      )}
      <Act
        text={t("admin.cancelSale")}
        act={(reason) => rostrum.post("/api/v1/flash-sales/{id}/cancel", { params, body: { reason } })}
      >
        {t("admin.cancelSaleExplained", { name })}
      </Act>
    </div>
  );
}

function List() {
  const t = useText();
  const { money, date, number } = useFormats();
  return (
    <AdminTable
      label={t("admin.sales")}
      query={useInfiniteQuery(salesQuery)}
      empty={<Empty>{t("admin.noSales")}</Empty>}
      head={[
        t("admin.product"),
        t("admin.status"),
        t("admin.price"),
        t("admin.soldOf"),
        t("admin.waiting"),
        t("admin.start"),
        t("admin.end"),
        t("admin.acts"),
      ]}
      keyOf={(sale) => sale.id}
    >
      {(sale) => (
        <>
          <td>
            <Link to="/sales/$id" params={{ id: sale.id }} className="underline">
              {sale.productName}
            </Link>
          </td>
          <td>
            <SaleStatus status={sale.status} />
          </td>
          <td className="text-right tabular-nums">{money(toMinor(sale.flashPrice))}</td>
          <td className="text-right tabular-nums">
            {number(sale.sold)} / {number(sale.quantityAvailable)}
          </td>
          <td className="text-right tabular-nums">{number(sale.waiting)}</td>
          <td className="whitespace-nowrap">{date(sale.startTime)}</td>
          <td className="whitespace-nowrap">{date(sale.endTime)}</td>
          <td>
            <Acts sale={sale} />
          </td>
        </>
      )}
    </AdminTable>
  );
}

export function AdminSalesPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.sales")}>
      <List />
    </AdminPage>
  );
}
