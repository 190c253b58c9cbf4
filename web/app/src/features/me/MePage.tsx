/** The own pages, one beside the other. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { NeedsUser } from "../../shell/NeedsUser";
import { useText } from "../../lib/text";
import { Page } from "../../ui/Page";
import { TAB, Tabs } from "../../ui/Tabs";

const PAGES = [
  ["/me/bids", "me.bids"],
  ["/me/auctions", "me.auctions"],
  ["/me/watchlist", "me.watchlist"],
  ["/me/orders", "me.orders"],
  ["/me/notifications", "me.notifications"],
  ["/me/receipts", "me.receipts"],
  ["/me/webhooks", "me.webhooks"],
] as const;

interface MePageProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

export function MePage({ title, aside, children }: MePageProps) {
  const t = useText();
  return (
    <Page title={title} aside={aside}>
      <Tabs label={t("me.pages")}>
        {PAGES.map(([to, text]) => (
          <Link key={to} to={to} activeOptions={{ includeSearch: false }} className={TAB}>
            {t(text)}
          </Link>
        ))}
      </Tabs>
      <NeedsUser>{children}</NeedsUser>
    </Page>
  );
}
