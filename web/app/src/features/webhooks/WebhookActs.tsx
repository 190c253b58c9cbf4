/** What can be done with a webhook: a test, off and on, a new secret, removal. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ConfirmAct } from "../../ui/ConfirmAct";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { webhooksApi, type Scope, type Webhook } from "./api";
import { webhooksQuery } from "./queries";
import { Secret } from "./Secret";
import { WebhookState } from "./WebhookState";

const LIST = { me: "/me/webhooks", admin: "/admin/webhooks" } as const;

export function WebhookActs({ scope, webhook }: { scope: Scope; webhook: Webhook }) {
  const t = useText();
  const { date } = useFormats();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [rotated, setRotated] = useState<Schemas["WebhookSecret"]>();
  const { id, url, enabled } = webhook;
  const api = webhooksApi(scope);
  const changed = () => queries.invalidateQueries({ queryKey: webhooksQuery(scope).queryKey });
  const test = useMutation({ mutationFn: () => api.test(id), onSuccess: changed });
  const turn = useMutation({ mutationFn: (on: boolean) => api.change(id, { enabled: on }), onSuccess: changed });
  return (
    <Card title={t("webhooks.acts")}>
      <WebhookState webhook={webhook} />
      {rotated !== undefined && (
        <Secret key={rotated.secret} secret={rotated.secret} until={date(rotated.previousUntil)} />
      )}
      {test.isSuccess && <Notice tone="good">{t("webhooks.testSent")}</Notice>}
      {(test.isError || turn.isError) && <ErrorNotice error={test.error ?? turn.error} />}
      <div className="flex flex-wrap gap-3">
        <Button busy={test.isPending} disabled={!enabled} onClick={() => test.mutate()}>
          {t("webhooks.test")}
        </Button>
        <Button busy={turn.isPending} onClick={() => turn.mutate(!enabled)}>
          {enabled ? t("webhooks.turnOff") : t("webhooks.turnOn")}
        </Button>
        <ConfirmAct text={t("webhooks.rotate")} kind="plain" act={() => api.rotate(id)} onDone={setRotated}>
          {t("webhooks.rotateExplained")}
        </ConfirmAct>
        <ConfirmAct
          text={t("ui.remove")}
          label={t("webhooks.remove")}
          act={() => api.remove(id)}
          onDone={async () => {
            await navigate({ to: LIST[scope] });
            await changed();
          }}
        >
          {t("webhooks.removeExplained", { url })}
        </ConfirmAct>
      </div>
    </Card>
  );
}
