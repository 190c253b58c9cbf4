/** The third step: pictures, and publishing. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { CancelAuction } from "../../ui/CancelAuction";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card } from "../../ui/Page";
import { Pictures } from "../../ui/Pictures";
import { draftQuery } from "./queries";

export function PicturesStep({ draft, onBack }: { draft: Auction; onBack: () => void }) {
  const t = useText();
  const { dateSeconds } = useFormats();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const publish = useMutation({
    mutationFn: () => rostrum.post("/api/v1/auctions/{id}/publish", { params: { path: { id: draft.id } } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["me", "auctions"] });
      await navigate({ to: "/auctions/$id", params: { id: draft.id } });
      queries.removeQueries({ queryKey: draftQuery(draft.id).queryKey }); // it is no draft any more
    },
  });
  return (
    <Card title={draft.title}>
      <p className="text-muted">
        {draft.status !== "draft"
          ? t("sell.published")
          : Date.parse(draft.startTime) > rostrum.clock.now()
            ? t("sell.startsAt", { start: dateSeconds(draft.startTime), time: dateSeconds(draft.endTime) })
            : t("sell.runsUntil", { time: dateSeconds(draft.endTime) })}
      </p>
      <Pictures
        images={draft.images}
        path={`/api/v1/auctions/${draft.id}/images`}
        onRemove={(imageId) =>
          rostrum.del("/api/v1/auctions/{id}/images/{imageId}", { params: { path: { id: draft.id, imageId } } })
        }
        onChanged={() => queries.invalidateQueries({ queryKey: draftQuery(draft.id).queryKey })}
      />
      {publish.isError && <ErrorNotice error={publish.error} />}
      <div className="flex flex-wrap justify-between gap-3">
        <Button onClick={onBack}>{t("sell.back")}</Button>
        {draft.status === "draft" ? (
          <>
            <CancelAuction auction={draft} onDone={() => navigate({ to: "/me/auctions" })} />
            <Button kind="primary" busy={publish.isPending} onClick={() => publish.mutate()}>
              {t("sell.publish")}
            </Button>
          </>
        ) : (
          <Link to="/auctions/$id" params={{ id: draft.id }} className={buttonClass("primary")}>
            {t("sell.toAuction")}
          </Link>
        )}
      </div>
    </Card>
  );
}
