/** A webhook: what can be done with it, what was sent to it, and its terms. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { webhooksApi, type Scope, type Webhook } from "./api";
import { Deliveries } from "./Deliveries";
import { readWebhook } from "./form";
import { webhookQuery, webhooksQuery } from "./queries";
import { WebhookActs } from "./WebhookActs";
import { WebhookForm } from "./WebhookForm";

function Change({ scope, webhook }: { scope: Scope; webhook: Webhook }) {
  const t = useText();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (form: FormData) => webhooksApi(scope).change(webhook.id, readWebhook(form)),
    onSuccess: () => queries.invalidateQueries({ queryKey: webhooksQuery(scope).queryKey }),
  });
  return (
    <Card title={webhook.url}>
      <WebhookForm
        scope={scope}
        webhook={webhook}
        act={change}
        text={t("webhooks.save")}
        done={<Notice tone="good">{t("webhooks.saved")}</Notice>}
      />
    </Card>
  );
}

export function WebhookDetail({ scope, id }: { scope: Scope; id: string }) {
  const query = useQuery(webhookQuery(scope, id));
  if (query.data !== undefined) {
    return (
      <>
        <WebhookActs scope={scope} webhook={query.data} />
        <Deliveries scope={scope} id={id} />
        <Change scope={scope} webhook={query.data} />
      </>
    );
  }
  return query.isError ? (
    <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Skeleton className="h-64" />
  );
}
