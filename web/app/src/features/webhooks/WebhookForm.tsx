/** Address, description and events of a webhook: of a new one, or of one that is changed. */
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { CheckField, TextField } from "../../ui/Field";
import type { Scope, Webhook } from "./api";
import { eventTitle } from "./eventTitle";
import { EVENTS } from "./form";

const DESCRIPTION_MAX = 200; // characters, as the API allows

interface WebhookFormProps<T> {
  scope: Scope;
  webhook?: Webhook;
  act: UseMutationResult<T, Error, FormData>;
  text: string;
  done: ReactNode;
}

export function WebhookForm<T>({ scope, webhook, act, text, done }: WebhookFormProps<T>) {
  const t = useText();
  return (
    <ActForm act={act} text={text} wideButton={false} emptied={webhook === undefined} done={done}>
      <TextField
        label={t("webhooks.url")}
        name="url"
        type="url"
        inputMode="url"
        required
        defaultValue={webhook?.url}
        placeholder="https://"
      />
      <TextField
        label={t("webhooks.description")}
        name="description"
        maxLength={DESCRIPTION_MAX}
        defaultValue={webhook?.description}
      />
      <fieldset className="grid gap-x-4 sm:grid-cols-2">
        <legend className="pb-1 text-sm font-medium">{t("webhooks.events")}</legend>
        {EVENTS[scope].map((each) => (
          <CheckField
            key={each}
            name="events"
            value={each}
            defaultChecked={webhook?.events.includes(each) ?? true}
            label={eventTitle(t, scope, each)}
          />
        ))}
      </fieldset>
    </ActForm>
  );
}
