/** The secret of a webhook, which is shown once. */
import { useState } from "react";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Notice } from "../../ui/Notice";

/** `secret`: absent if the call was repeated, because its answer was lost. */
export function Secret({ secret, until }: { secret: string | undefined; until?: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  if (secret === undefined) {
    return <Notice tone="warn">{t("webhooks.secretLost")}</Notice>;
  }
  return (
    <Notice tone="good">
      <div className="grid gap-3">
        <p>{t("webhooks.secretOnce")}</p>
        <code className="break-all">{secret}</code>
        {until !== undefined && <p>{t("webhooks.bothSign", { time: until })}</p>}
        <Button
          className="sm:justify-self-start"
          onClick={() => {
            void navigator.clipboard.writeText(secret).then(() => setCopied(true));
          }}
        >
          {copied ? t("webhooks.copied") : t("webhooks.copy")}
        </Button>
      </div>
    </Notice>
  );
}
