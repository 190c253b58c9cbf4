/** A new webhook of the deployment. Its secret is shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
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
    url: form.get("url") as string,
    description: form.get("description") as string,
    events: form.getAll("events") as Event[],
  };
}

export function WebhookForm() {
  const t = useText();
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const create = useMutation({
    mutationFn: (body: NewWebhook) => rostrum.post("/api/v1/admin/webhooks", { body }),
    onSuccess: () => {
      form.current?.reset();
      return queries.invalidateQueries({ queryKey: webhooksQuery.queryKey });
    },
  });
  return (
    <Card title={t("admin.newWebhook")}>
      <form
        ref={form}
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate(read(new FormData(event.currentTarget)));
        }}
      >
        <TextField label={t("admin.url")} name="url" type="url" required />
        <TextField label={t("admin.description")} name="description" maxLength={DESCRIPTION_MAX} />
        <fieldset className="grid gap-x-4 sm:grid-cols-2">
          <legend className="pb-1 text-sm font-medium">{t("admin.events")}</legend>
          {EVENTS.map((each) => (
            <CheckField key={each} name="events" value={each} defaultChecked label={eventName(t, each)} />
          ))}
        </fieldset>
        {create.isError && <ErrorNotice error={create.error} />}
        {create.data !== undefined && (
          <Notice tone="good">
            {t("admin.secretOnce")} <code className="break-all">{create.data.secret}</code>
          </Notice>
        )}
        <Button kind="primary" type="submit" busy={create.isPending}>
          {t("admin.create")}
        </Button>
      </form>
    </Card>
  );
}
