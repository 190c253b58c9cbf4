/** A new webhook of the deployment. Its secret is shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../lib/api";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { CheckField, TextField } from "../../ui/Field";
import { eventName } from "../../ui/events";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { webhooksQuery } from "./queries";

type NewWebhook = Schemas["NewDeploymentWebhook"];
type Event = NewWebhook["events"][number];

const EVENTS: Event[] = [
  "AUCTION_STARTED",
  "AUCTION_EXTENDED",
  "AUCTION_SOLD",
  "AUCTION_UNSOLD",
  "AUCTION_CANCELLED",
  "BID_VOIDED",
  "SALE_OPENED",
  "SALE_STARTING_SOON",
  "SALE_STARTED",
  "SALE_EXTENDED",
  "SALE_ENDED",
  "SALE_SOLD_OUT",
  "SALE_SETTLED",
  "SALE_CANCELLED",
  "TURN_STARTED",
  "TURN_EXPIRED",
  "ORDER_RESERVED",
  "ORDER_CONFIRMED",
  "ORDER_CANCELLED",
  "ORDER_FAILED",
  "ORDER_EXPIRED",
  "REFUND_DUE",
];
const DESCRIPTION_MAX = 200;

function read(form: FormData): NewWebhook {
  return {
    url: textOf(form, "url"),
    description: textOf(form, "description"),
    events: form.getAll("events") as Event[],
  };
}

export function WebhookForm() {
  const t = useText();
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: (form: FormData) => rostrum.post("/api/v1/admin/webhooks", { body: read(form) }),
    onSuccess: () => queries.invalidateQueries({ queryKey: webhooksQuery.queryKey }),
  });
  const secret = (
    <Notice tone="good">
      {t("admin.secretOnce")} <code className="break-all">{create.data?.secret}</code>
    </Notice>
  );
  return (
    <Card title={t("admin.newWebhook")}>
      <ActForm act={create} text={t("admin.create")} wideButton={false} emptied done={secret}>
        <TextField label={t("admin.url")} name="url" type="url" required />
        <TextField label={t("admin.description")} name="description" maxLength={DESCRIPTION_MAX} />
        <fieldset className="grid gap-x-4 sm:grid-cols-2">
          <legend className="pb-1 text-sm font-medium">{t("admin.events")}</legend>
          {EVENTS.map((each) => (
            <CheckField key={each} name="events" value={each} defaultChecked label={eventName(t, each)} />
          ))}
        </fieldset>
      </ActForm>
    </Card>
  );
}
