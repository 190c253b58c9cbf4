/** The webhooks of a user or of the deployment, and a new one. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card, Empty, Skeleton } from "../../ui/Page";
import { webhooksApi, type Scope, type Webhook } from "./api";
import { readWebhook } from "./form";
import { webhooksQuery } from "./queries";
import { Secret } from "./Secret";
import { WebhookForm } from "./WebhookForm";
import { WebhookState } from "./WebhookState";

const DETAIL = { me: "/me/webhooks/$id", admin: "/admin/webhooks/$id" } as const;

function Row({ scope, webhook }: { scope: Scope; webhook: Webhook }) {
  return (
    <Card>
      <h2 className="font-semibold break-all">
        <Link to={DETAIL[scope]} params={{ id: webhook.id }} className="underline">
          {webhook.url}
        </Link>
      </h2>
      <WebhookState webhook={webhook} />
      {webhook.description !== "" && <p>{webhook.description}</p>}
    </Card>
  );
}

function New({ scope }: { scope: Scope }) {
  const t = useText();
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: (form: FormData) => webhooksApi(scope).create(readWebhook(form)),
    onSuccess: () => queries.invalidateQueries({ queryKey: webhooksQuery(scope).queryKey }),
  });
  return (
    <Card title={t("webhooks.new")}>
      <WebhookForm
        scope={scope}
        act={create}
        text={t("webhooks.create")}
        done={<Secret key={create.data?.id} secret={create.data?.secret} />}
      />
    </Card>
  );
}

export function Webhooks({ scope }: { scope: Scope }) {
  const t = useText();
  const query = useQuery(webhooksQuery(scope));
  return (
    <>
      <p>{t(`webhooks.explained.${scope}`)}</p>
      {query.isPending && <Skeleton />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.items.length === 0 && <Empty>{t("webhooks.none")}</Empty>}
      {query.data?.items.map((each) => (
        <Row key={each.id} scope={scope} webhook={each} />
      ))}
      <New scope={scope} />
    </>
  );
}
