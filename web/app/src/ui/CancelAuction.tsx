/** Cancels an auction of the user before the first bid, or deletes a draft, after a question. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Auction } from "rostrum-client";
import { rostrum } from "../lib/rostrum";
import { useText } from "../lib/text";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { ErrorNotice } from "./ErrorNotice";

interface CancelAuctionProps {
  auction: Pick<Auction, "id" | "title" | "status">;
  onDone?: () => unknown;
}

export function CancelAuction({ auction: { id, title, status }, onDone }: CancelAuctionProps) {
  const t = useText();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [act, explained] =
    status === "draft"
      ? [t("ui.deleteDraft"), t("ui.deleteDraftExplained", { title })]
      : [t("ui.cancelAuction"), t("ui.cancelAuctionExplained", { title })];
  const cancel = useMutation({
    mutationFn: () => rostrum.del("/api/v1/auctions/{id}", { params: { path: { id } } }),
    onSuccess: async () => {
      setAsking(false);
      await onDone?.();
      await queries.invalidateQueries({ queryKey: ["me", "auctions"] });
    },
  });
  return (
    <>
      <Button kind="danger" onClick={() => setAsking(true)}>
        {act}
      </Button>
      <Dialog title={act} open={asking} onClose={() => setAsking(false)}>
        <p>{explained}</p>
        {cancel.isError && <ErrorNotice error={cancel.error} />}
        <div className="flex flex-wrap justify-end gap-3">
          <Button onClick={() => setAsking(false)}>{t("ui.close")}</Button>
          <Button kind="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>
            {act}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
