/** A flash sale as admins see it: its numbers, extending, ending, cancelling, and its terms until the line opens. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { SaleStatus } from "../../ui/OrderStatus";
import { Card, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { AdminPage } from "./AdminPage";
import { saleQuery } from "./queries";
import { readSaleChange } from "./sale";
import { SaleActs } from "./SaleActs";
import { SaleForm } from "./SaleForm";

const route = getRouteApi("/admin/sales/$id");
type Sale = Schemas["FlashSale"];

function Numbers({ sale }: { sale: Sale }) {
  const t = useText();
  const { money, dateSeconds, number } = useFormats();
  return (
    <Card title={sale.productName}>
      <Facts
        items={[
          [t("admin.status"), <SaleStatus key="status" status={sale.status} />],
          [t("admin.price"), money(toMinor(sale.flashPrice))],
          [t("admin.soldOf"), `${number(sale.sold)} / ${number(sale.quantityAvailable)}`],
          [t("admin.reserved"), number(sale.reserved)],
          [t("admin.waiting"), number(sale.waiting)],
          [t("admin.join"), dateSeconds(sale.joinTime)],
          [t("admin.start"), dateSeconds(sale.startTime)],
          [t("admin.end"), dateSeconds(sale.endTime)],
        ]}
      />
      <p className="flex flex-wrap gap-x-6">
        <Link to="/sales/$id" params={{ id: sale.id }} className="flex min-h-11 items-center underline">
          {t("admin.publicPage")}
        </Link>
        <Link to="/admin/products/$id" params={{ id: sale.productId }} className="flex min-h-11 items-center underline">
          {t("admin.product")}
        </Link>
      </p>
    </Card>
  );
}

function Terms({ sale }: { sale: Sale }) {
  const t = useText();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.put("/api/v1/flash-sales/{id}", {
        params: { path: { id: sale.id } },
        body: readSaleChange(sale, form),
      }),
    // Also after an error: the sale may have changed in between.
    onSettled: () => queries.invalidateQueries({ queryKey: ["admin"] }),
  });
  return (
    <Card title={t("admin.saleTerms")}>
      <p>{t("admin.saleTermsExplained")}</p>
      <SaleForm
        key={sale.version}
        sale={sale}
        act={change}
        text={t("admin.save")}
        done={<Notice tone="good">{t("admin.saleChanged")}</Notice>}
      />
    </Card>
  );
}

function Shown() {
  const t = useText();
  const { id } = route.useParams();
  const query = useQuery(saleQuery(id));
  const sale = query.data;
  if (sale === undefined) {
    return query.isError ? (
      <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Skeleton className="h-64" />
    );
  }
  return (
    <>
      <Numbers sale={sale} />
      <Card title={t("admin.acts")}>
        <SaleActs sale={sale} />
      </Card>
      {sale.status === "upcoming" && <Terms sale={sale} />}
    </>
  );
}

export function AdminSalePage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.sale")}>
      <Shown />
    </AdminPage>
  );
}
