/** What was sent to a webhook, the newest first, and sending it again. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useFormats } from "../../lib/format";
import { isTextId, useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Listing } from "../../ui/Listing";
import { Badge, type Tone } from "../../ui/Notice";
import { Card, Empty } from "../../ui/Page";
import { webhooksApi, type Delivery, type Scope } from "./api";
import { eventTitle } from "./eventTitle";
import { deliveriesQuery } from "./queries";

const TONES: Readonly<Record<string, Tone>> = {
  delivered: "good",
  retrying: "warn",
  failed: "bad",
  dropped: "bad",
};
const SETTLED = new Set(["delivered", "failed", "dropped"]);

/** How the last try went. */
function Result({ delivery }: { delivery: Delivery }) {
  const t = useText();
  const { number } = useFormats();
  const { tries, responseStatus, error, durationMs } = delivery;
  const cause = `webhooks.error.${error ?? ""}`;
  const parts = [
    t("webhooks.tries", { count: tries }),
    ...(responseStatus === null ? [] : [t("webhooks.answer", { status: String(responseStatus) })]),
    ...(error === null ? [] : [isTextId(cause) ? t(cause) : error]),
    ...(durationMs === null ? [] : [`${number(durationMs)} ms`]),
  ];
  return <p className="text-muted text-sm">{parts.join(" · ")}</p>;
}

function Row({ scope, id, delivery }: { scope: Scope; id: string; delivery: Delivery }) {
  const t = useText();
  const { dateSeconds } = useFormats();
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () => webhooksApi(scope).redeliver(id, delivery.id),
    onSettled: () => queries.invalidateQueries({ queryKey: deliveriesQuery(scope, id).queryKey }),
  });
  const status = `webhooks.status.${delivery.status}`;
  const name = delivery.event === "TEST" ? t("webhooks.testEvent") : eventTitle(t, scope, delivery.event);
  return (
    <article className="border-line grid grid-cols-[minmax(0,1fr)] gap-2 border-b pb-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-medium">{name}</h3>
        <Badge tone={TONES[delivery.status] ?? "info"}>{isTextId(status) ? t(status) : delivery.status}</Badge>
      </div>
      <p className="text-muted text-sm">{dateSeconds(delivery.createdAt)}</p>
      <Result delivery={delivery} />
      <details>
        <summary className="min-h-11 content-center">{t("webhooks.payload")}</summary>
        <pre className="text-sm whitespace-pre-wrap">{JSON.stringify(delivery.payload, null, 1)}</pre>
      </details>
      {again.isError && <ErrorNotice error={again.error} />}
      {SETTLED.has(delivery.status) && (
        <Button
          className="sm:justify-self-start"
          aria-label={t("webhooks.againLabel", { event: name, time: dateSeconds(delivery.createdAt) })}
          busy={again.isPending}
          onClick={() => again.mutate()}
        >
          {t("webhooks.again")}
        </Button>
      )}
    </article>
  );
}

export function Deliveries({ scope, id }: { scope: Scope; id: string }) {
  const t = useText();
  return (
    <Card title={t("webhooks.deliveries")}>
      <Listing
        query={useInfiniteQuery(deliveriesQuery(scope, id))}
        keyOf={(delivery) => delivery.id}
        empty={<Empty>{t("webhooks.noDeliveries")}</Empty>}
      >
        {(delivery) => <Row scope={scope} id={id} delivery={delivery} />}
      </Listing>
    </Card>
  );
}
