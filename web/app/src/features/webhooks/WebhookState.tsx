/** Whether a webhook is on, why it is not, and since when it fails. */
import { useFormats } from "../../lib/format";
import { isTextId, useText } from "../../lib/text";
import { Badge } from "../../ui/Notice";
import type { Webhook } from "./api";

export function WebhookState({ webhook }: { webhook: Webhook }) {
  const t = useText();
  const { date } = useFormats();
  const why = `webhooks.off.${webhook.disabledReason ?? ""}`;
  return (
    <p className="flex flex-wrap gap-2">
      <Badge tone={webhook.enabled ? "good" : "bad"}>{webhook.enabled ? t("webhooks.on") : t("webhooks.off")}</Badge>
      {!webhook.enabled && isTextId(why) && <Badge tone="warn">{t(why)}</Badge>}
      {webhook.failingSince !== null && (
        <Badge tone="warn">{t("webhooks.failingSince", { time: date(webhook.failingSince) })}</Badge>
      )}
    </p>
  );
}
