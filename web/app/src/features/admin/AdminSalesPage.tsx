/** The flash sales. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { SaleStatus } from "../../ui/OrderStatus";
import { Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { salesQuery } from "./queries";

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
      ]}
      keyOf={(sale) => sale.id}
    >
      {(sale) => (
        <>
          <td>
            <Link to="/admin/sales/$id" params={{ id: sale.id }} className="underline">
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
