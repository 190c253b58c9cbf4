/** Payments that have to be given back: marked here once the money was returned at the provider. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Empty } from "../../ui/Page";
import { Act } from "./Act";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { refundsQuery } from "./queries";

function List() {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <AdminTable
      label={t("admin.refunds")}
      query={useInfiniteQuery(refundsQuery)}
      empty={<Empty>{t("admin.noRefunds")}</Empty>}
      head={[t("admin.amount"), t("admin.acts"), t("admin.time"), t("admin.reference"), t("admin.order")]}
      keyOf={(refund) => refund.id}
    >
      {(refund) => {
        const amount = money(toMinor(refund.amount));
        return (
          <>
            <td className="text-right tabular-nums">{amount}</td>
            <td>
              {refund.refundedAt === null ? (
                <Act
                  text={t("admin.markRefunded")}
                  act={(reason) =>
                    rostrum.post("/api/v1/admin/refunds/{id}/refunded", {
                      params: { path: { id: refund.id } },
                      body: { reason },
                    })
                  }
                >
                  {t("admin.refundExplained", { amount, reference: refund.reference })}
                </Act>
              ) : (
                date(refund.refundedAt)
              )}
            </td>
            <td className="whitespace-nowrap">{date(refund.createdAt)}</td>
            <td>{refund.reference}</td>
            <td className="break-all">{refund.orderId}</td>
          </>
        );
      }}
    </AdminTable>
  );
}

export function RefundsPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.refunds")}>
      <List />
    </AdminPage>
  );
}
