/** Extending, ending and cancelling a flash sale. */
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Act } from "./Act";

const EXTENSION_MS = 3_600_000;
const OPEN = new Set(["upcoming", "open", "active"]);

export function SaleActs({ sale }: { sale: Schemas["FlashSale"] }) {
  const t = useText();
  const params = { path: { id: sale.id } };
  const endTime = new Date(Date.parse(sale.endTime) + EXTENSION_MS).toISOString();
  const name = sale.productName;
  if (!OPEN.has(sale.status)) {
    return <p>{t("admin.saleOver")}</p>;
  }
  return (
    <div className="flex flex-wrap gap-3">
      <Act
        text={t("admin.extendHour")}
        kind="plain"
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
