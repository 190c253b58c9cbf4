/** What a seller sees of the own auction: the reserve, and once it is sold whom to write to. */
import { toMinor, type Auction, type AuctionState } from "rostrum-client";
import type { ReactNode } from "react";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Card } from "../../ui/Page";
import { Facts } from "../../ui/Table";

export function SellerTools({ auction, state }: { auction: Auction; state: AuctionState }) {
  const t = useText();
  const { money } = useFormats();
  const facts: [string, ReactNode][] = [];
  if (auction.reservePrice !== undefined && auction.reservePrice !== null) {
    facts.push([t("auction.reserve"), money(toMinor(auction.reservePrice), state.currency)]);
  }
  if (auction.contact !== undefined) {
    facts.push([
      t("auction.contact"),
      <a key="mail" className="underline" href={`mailto:${auction.contact.email}`}>
        {auction.contact.displayName}
      </a>,
    ]);
  }
  return facts.length === 0 ? null : (
    <Card title={t("auction.forYou")}>
      <Facts items={facts} />
    </Card>
  );
}
