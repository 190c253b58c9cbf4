/** Receipts of bids: those of this browser, and any that is pasted, checked by the browser against the public keys. */
import { useState } from "react";
import { keptReceipts } from "../../lib/receipts";
import { useText } from "../../lib/text";
import { TextArea } from "../../ui/Field";
import { Card, Empty } from "../../ui/Page";
import { MePage } from "./MePage";
import { Receipt } from "./Receipt";

export function ReceiptPage() {
  const t = useText();
  const [pasted, setPasted] = useState("");
  const [kept] = useState(keptReceipts);
  const given = pasted.trim();
  return (
    <MePage title={t("me.receipts")}>
      <p className="max-w-prose">{t("me.receiptsExplained")}</p>
      <Card title={t("me.checkReceipt")}>
        <TextArea
          label={t("me.receiptText")}
          rows={4}
          value={pasted}
          onChange={({ target }) => {
            setPasted(target.value);
          }}
        />
        {given !== "" && <Receipt text={given} />}
      </Card>
      {kept.length === 0 && <Empty>{t("me.noReceipts")}</Empty>}
      {kept.map((each) => (
        <Card key={each}>
          <Receipt text={each} />
        </Card>
      ))}
    </MePage>
  );
}
