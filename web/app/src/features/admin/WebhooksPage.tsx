/** The webhooks of the deployment. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { eventName } from "../../ui/events";
import { Badge, Notice } from "../../ui/Notice";
import { Card, Empty, Skeleton } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { webhooksQuery } from "./queries";
import { WebhookForm } from "./WebhookForm";

type Webhook = Schemas["Webhooks"]["items"][number];

function WebhookCard({ webhook }: { webhook: Webhook }) {
  const t = useText();
  const { date } = useFormats();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const params = { path: { id: webhook.id } };
  const settled = { onSuccess: () => queries.invalidateQueries({ queryKey: webhooksQuery.queryKey }) };
  const test = useMutation({ mutationFn: () => rostrum.post("/api/v1/admin/webhooks/{id}/test", { params }) });
  const remove = useMutation({ ...settled, mutationFn: () => rostrum.del("/api/v1/admin/webhooks/{id}", { params }) });
  const turn = useMutation({
    ...settled,
    mutationFn: (enabled: boolean) => rostrum.patch("/api/v1/admin/webhooks/{id}", { params, body: { enabled } }),
  });
  return (
    <Card title={webhook.url}>
      <p className="flex flex-wrap gap-2">
        <Badge tone={webhook.enabled ? "good" : "bad"}>{webhook.enabled ? t("admin.on") : t("admin.off")}</Badge>
        {webhook.failingSince !== null && (
          <Badge tone="warn">{t("admin.failingSince", { time: date(webhook.failingSince) })}</Badge>
        )}
      </p>
      <p>{webhook.description}</p>
      <p className="text-muted text-sm">{webhook.events.map((each) => eventName(t, each)).join(", ")}</p>
      {test.isSuccess && <Notice tone="good">{t("admin.testSent")}</Notice>}
      {(test.isError || turn.isError) && <ErrorNotice error={test.error ?? turn.error} />}
      <div className="flex flex-wrap gap-3">
        <Button
          busy={test.isPending}
          onClick={() => {
            test.mutate();
          }}
        >
          {t("admin.sendTest")}
        </Button>
        <Button
          busy={turn.isPending}
          onClick={() => {
            turn.mutate(!webhook.enabled);
          }}
        >
          {webhook.enabled ? t("admin.turnOff") : t("admin.turnOn")}
        </Button>
        <Button
          kind="danger"
          onClick={() => {
            setAsking(true);
          }}
        >
          {t("ui.remove")}
        </Button>
      </div>
      <Dialog
        title={t("admin.removeWebhook")}
        open={asking}
        onClose={() => {
          setAsking(false);
        }}
      >
        <p>{t("admin.removeWebhookExplained", { url: webhook.url })}</p>
        {remove.isError && <ErrorNotice error={remove.error} />}
        <Button
          kind="danger"
          busy={remove.isPending}
          onClick={() => {
            remove.mutate();
          }}
        >
          {t("ui.remove")}
        </Button>
      </Dialog>
    </Card>
  );
}

function List() {
  const t = useText();
  const query = useQuery(webhooksQuery);
  return (
    <>
      <WebhookForm />
      {query.isPending && <Skeleton />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.items.length === 0 && <Empty>{t("admin.noWebhooks")}</Empty>}
      {query.data?.items.map((each) => (
        <WebhookCard key={each.id} webhook={each} />
      ))}
    </>
  );
}

export function WebhooksPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.webhooks")}>
      <List />
    </AdminPage>
  );
}
