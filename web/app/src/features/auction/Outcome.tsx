/** What there is once an auction is over: whom seller and winner write to, and the hash of all decisions. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Auction, AuctionState } from "rostrum-client";
import { useText } from "../../lib/text";
import { Card } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { outcomeQuery } from "./queries";

export default function Outcome({ auction, state }: { auction: Auction; state: AuctionState }) {
  const t = useText();
  // What was read before the end has neither: it is read again once the live state says that it is over.
  const late = auction.status !== state.status;
  const { data } = useQuery({ ...outcomeQuery(auction.id, state.status), enabled: late });
  const { contact, ledger } = data ?? auction;
  const facts: [string, ReactNode][] = [];
  if (contact !== undefined) {
    facts.push([
      t("auction.contact"),
      <a key="mail" className="underline" href={`mailto:${contact.email}`}>
        {contact.displayName}
      </a>,
    ]);
  }
  if (ledger !== undefined) {
    facts.push([
      t("auction.ledger"),
      <span key="hash">
        <code className="text-sm break-all">{ledger.hash}</code>{" "}
        <span className="text-muted text-sm">{t("auction.ledgerEntry", { entry: ledger.entry })}</span>
      </span>,
    ]);
  }
  return facts.length === 0 ? null : (
    <Card title={t("auction.outcome")}>
      <Facts items={facts} />
    </Card>
  );
}
