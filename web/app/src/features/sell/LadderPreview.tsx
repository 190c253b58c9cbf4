/** The bids that the ladder leads to, as the server computes them. */
import { useQuery } from "@tanstack/react-query";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Card } from "../../ui/Page";
import type { Form } from "./form";
import { quoteQuery } from "./queries";

export function LadderPreview({ form }: { form: Form }) {
  const t = useText();
  const { money } = useFormats();
  const { data } = useQuery(quoteQuery(form));
  return (
    <Card title={t("sell.preview")}>
      {data === undefined ? (
        <p className="text-muted">{t("sell.previewLater")}</p>
      ) : (
        <ol className="grid gap-1 tabular-nums" aria-live="polite">
          {data.amounts.map((each) => (
            <li key={each}>{money(toMinor(each))}</li>
          ))}
        </ol>
      )}
    </Card>
  );
}
