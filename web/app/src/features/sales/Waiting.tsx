/** The exact place in the line, and leaving it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SaleState } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { saleQuery } from "./queries";

export function Leave({ saleId, text }: { saleId: string; text: string }) {
  const queries = useQueryClient();
  const leave = useMutation({
    mutationFn: () => rostrum.del("/api/v1/queue/leave", { params: { query: { flashSaleId: saleId } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: saleQuery(saleId).queryKey }),
  });
  return (
    <>
      {leave.isError && <ErrorNotice error={leave.error} />}
      <Button
        busy={leave.isPending}
        onClick={() => {
          leave.mutate();
        }}
      >
        {text}
      </Button>
    </>
  );
}

export function Waiting({ sale, state }: { sale: Schemas["FlashSale"]; state: SaleState }) {
  const t = useText();
  const { number } = useFormats();
  const position = state.you?.position ?? null;
  return (
    <div className="grid gap-4">
      <div aria-live="polite">
        <p className="text-muted text-sm">{t("sales.yourPlace")}</p>
        <p className="text-3xl font-semibold tabular-nums" data-testid="position">
          {position === null ? "…" : number(position)}
        </p>
      </div>
      <p>{t("sales.waitingExplained", { seconds: sale.turnSeconds })}</p>
      <Leave saleId={sale.id} text={t("sales.leave")} />
    </div>
  );
}
