/** What the seller says, and the terms of the auction. */
import { toMinor, type Auction } from "rostrum-client";
import type { ReactNode } from "react";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Card } from "../../ui/Page";
import { Facts } from "../../ui/Table";

export function Description({ auction }: { auction: Auction }) {
  const t = useText();
  const { money, dateSeconds } = useFormats();
  const { antiSnipe } = auction;
  const facts: [string, ReactNode][] = [
    [t("auction.seller"), auction.sellerName],
    [t("auction.category"), auction.category === "" ? "–" : auction.category],
    [t("auction.startingPrice"), money(toMinor(auction.startingPrice), auction.currency)],
    [t("auction.starts"), dateSeconds(auction.startTime)],
    [t("auction.ends"), dateSeconds(auction.endTime)],
  ];
  if (antiSnipe.windowSeconds > 0) {
    facts.push([
      t("auction.lateBids"),
      t("auction.lateBidsExplained", { window: antiSnipe.windowSeconds, extension: antiSnipe.extensionSeconds }),
    ]);
  }
  return (
    <Card title={t("auction.about")}>
      {auction.description !== "" && <p className="whitespace-pre-line">{auction.description}</p>}
      <Facts items={facts} />
    </Card>
  );
}
