/** One receipt: what it says, and whether the deployment signed it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { toMinor, verifyReceipt, type ReceiptClaims } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";

async function check(text: string) {
  return verifyReceipt(text, await rostrum.get("/.well-known/jwks.json"));
}

function Claims({ claims, text }: { claims: ReceiptClaims; text: string }) {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  const amount = claims.amount ?? claims.maxAmount;
  return (
    <>
      <Facts
        items={[
          [
            t("me.receiptKind"),
            claims.kind === "proxy" ? t("me.kind.proxy") : claims.kind === "buy" ? t("me.kind.buy") : t("me.kind.bid"),
          ],
          [t("me.receiptAmount"), amount === undefined ? "–" : money(toMinor(amount))],
          [t("me.receiptTime"), dateSeconds(claims.receivedAt)],
        ]}
      />
      <Link to="/auctions/$id" params={{ id: claims.auctionId }} className="underline">
        {t("me.toAuction")}
      </Link>
      <details>
        <summary className="min-h-8">{t("me.receiptText")}</summary>
        <code className="text-sm break-all">{text}</code>
      </details>
    </>
  );
}

export function Receipt({ text }: { text: string }) {
  const t = useText();
  const query = useQuery({ queryKey: ["receipt", text], queryFn: () => check(text), staleTime: Infinity });
  if (query.isError) {
    return <ErrorNotice error={query.error} />;
  }
  if (query.data === undefined) {
    return <Skeleton className="h-16" />;
  }
  const { result } = query.data;
  return (
    <div className="grid gap-4" data-testid="receipt" data-result={result}>
      <Notice tone={result === "valid" ? "good" : result === "unsupported" ? "warn" : "bad"}>
        {t(`me.receipt.${result}`)}
      </Notice>
      {query.data.result === "valid" && <Claims claims={query.data.claims} text={text} />}
    </div>
  );
}
