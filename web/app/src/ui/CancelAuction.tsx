/** Cancels an auction of the user before the first bid, or deletes a draft, after a question. */
import { useQueryClient } from "@tanstack/react-query";
import type { Auction } from "rostrum-client";
import { rostrum } from "../lib/rostrum";
import { useText } from "../lib/text";
import { ConfirmAct } from "./ConfirmAct";

interface CancelAuctionProps {
  auction: Pick<Auction, "id" | "title" | "status">;
  onDone?: () => unknown;
}

export function CancelAuction({ auction: { id, title, status }, onDone }: CancelAuctionProps) {
  const t = useText();
  const queries = useQueryClient();
  const [text, explained] =
    status === "draft"
      ? [t("ui.deleteDraft"), t("ui.deleteDraftExplained", { title })]
      : [t("ui.cancelAuction"), t("ui.cancelAuctionExplained", { title })];
  return (
    <ConfirmAct
      text={text}
      act={() => rostrum.del("/api/v1/auctions/{id}", { params: { path: { id } } })}
      onDone={async () => {
        await onDone?.();
        await queries.invalidateQueries({ queryKey: ["me", "auctions"] });
      }}
    >
      {explained}
    </ConfirmAct>
  );
}
