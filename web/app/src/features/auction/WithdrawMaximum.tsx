/** Takes the hidden maximum back: it sinks to the present price. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { auctionQuery } from "./queries";

export function WithdrawMaximum({ auctionId }: { auctionId: string }) {
  const t = useText();
  const queries = useQueryClient();
  const withdraw = useMutation({
    mutationFn: () => rostrum.del("/api/v1/auctions/{id}/proxy", { params: { path: { id: auctionId } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: auctionQuery(auctionId).queryKey }),
  });
  return (
    <div className="grid gap-2">
      <Button busy={withdraw.isPending} onClick={() => withdraw.mutate()}>
        {t("auction.withdrawMaximum")}
      </Button>
      <p className="text-muted text-sm">{t("auction.withdrawExplained")}</p>
      {withdraw.isError && <ErrorNotice error={withdraw.error} />}
    </div>
  );
}
