/** Enters the waiting line for a number of units. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { SaleState } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { QuantityField } from "./QuantityField";
import { saleQuery } from "./queries";

const DECISION_WAIT_S = 5;

export function JoinForm({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const queries = useQueryClient();
  const [quantity, setQuantity] = useState(1);
  const join = useMutation({
    mutationFn: () => rostrum.joinSale(sale.id, { quantity, wait: DECISION_WAIT_S }),
    onSettled: () => queries.invalidateQueries({ queryKey: saleQuery(sale.id).queryKey }),
  });
  const left = state.you?.status;
  return (
    <div className="grid gap-4">
      {(left === "expired" || left === "left") && <Notice tone="warn">{t(`sales.was.${left}`)}</Notice>}
      {state.status === "upcoming" ? (
        <Notice>{t("sales.notOpen")}</Notice>
      ) : (
        <>
          <QuantityField max={sale.perUserLimit} value={quantity} onChange={setQuantity} />
          {join.isError && <ErrorNotice error={join.error} />}
          <Button
            kind="primary"
            busy={join.isPending}
            onClick={() => {
              join.mutate();
            }}
          >
            {t("sales.join")}
          </Button>
        </>
      )}
    </div>
  );
}
