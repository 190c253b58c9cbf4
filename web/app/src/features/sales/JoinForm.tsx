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
import { keepWanted, readQuantity } from "./quantity";
import { saleQuery } from "./queries";

const DECISION_WAIT_S = 5;

export function JoinForm({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const queries = useQueryClient();
  const [text, setText] = useState("1");
  const quantity = readQuantity(text, sale.perUserLimit);
  const join = useMutation({
    mutationFn: (wanted: number) => rostrum.joinSale(sale.id, { quantity: wanted, wait: DECISION_WAIT_S }),
    onMutate: (wanted) => keepWanted(sale.id, wanted),
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
          <QuantityField max={sale.perUserLimit} text={text} onChange={setText} />
          {join.isError && <ErrorNotice error={join.error} />}
          <Button
            kind="primary"
            busy={join.isPending}
            disabled={quantity === null}
            onClick={() => quantity !== null && join.mutate(quantity)}
          >
            {t("sales.join")}
          </Button>
        </>
      )}
    </div>
  );
}
