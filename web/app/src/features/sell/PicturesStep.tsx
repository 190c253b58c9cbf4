/** The third step: pictures, and publishing. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { Auction } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
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
    },
  });
  return (
    <Card title={draft.title}>
      <p className="text-muted">{t("sell.runsUntil", { time: dateSeconds(draft.endTime) })}</p>
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
        <Button
          kind="primary"
          busy={publish.isPending}
          onClick={() => {
            publish.mutate();
          }}
        >
          {t("sell.publish")}
        </Button>
      </div>
    </Card>
  );
}
