/** The visitor's turn: its clock, and the order. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { SaleState } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice, errorForCode } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { TimeLeft } from "../../ui/TimeLeft";
import { QuantityField } from "./QuantityField";
import { firstQuantity, readQuantity } from "./quantity";
import { saleQuery } from "./queries";
import { Leave } from "./Waiting";

const DECISION_WAIT_S = 5;

export function Turn({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const queries = useQueryClient();
  const max = sale.perUserLimit;
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? String(firstQuantity(sale.id, state.claimed, max));
  const quantity = readQuantity(text, max);
  const order = useMutation({
    mutationFn: (wanted: number) => rostrum.order(sale.id, wanted, { wait: DECISION_WAIT_S }),
    onSettled: () => queries.invalidateQueries({ queryKey: saleQuery(sale.id).queryKey }),
  });
  const expires = state.you?.turnExpiresAt ?? null;
  return (
    <div className="grid gap-4">
      <Notice tone="good">
        {t("sales.yourTurn")}{" "}
        {expires !== null && (
          <strong data-testid="turn-left">
            <TimeLeft until={expires} />
          </strong>
        )}
      </Notice>
      <QuantityField max={max} text={text} onChange={setTyped} />
      {order.isError && <ErrorNotice error={order.error} />}
      {order.data?.status === "rejected" && (
        <Notice tone="bad">{errorForCode(t, order.data.reason ?? "INTERNAL_ERROR")}</Notice>
      )}
      <Button
        kind="primary"
        busy={order.isPending}
        disabled={quantity === null}
        onClick={() => quantity !== null && order.mutate(quantity)}
      >
        {t("sales.order")}
      </Button>
      <Leave saleId={sale.id} text={t("sales.giveUp")} />
    </div>
  );
}
