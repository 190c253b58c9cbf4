/** The own pages, one beside the other. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { NeedsUser } from "../../shell/NeedsUser";
import { useText } from "../../lib/text";
import { Page } from "../../ui/Page";

const TAB =
  "data-[status=active]:border-accent flex min-h-11 items-center border-b-2 border-transparent px-3 data-[status=active]:font-semibold";
const PAGES = [
  ["/me/bids", "me.bids"],
  ["/me/auctions", "me.auctions"],
  ["/me/watchlist", "me.watchlist"],
  ["/me/orders", "me.orders"],
  ["/me/notifications", "me.notifications"],
  ["/me/receipts", "me.receipts"],
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
      <nav aria-label={t("me.pages")} className="border-line flex gap-x-2 overflow-x-auto border-b whitespace-nowrap">
        {PAGES.map(([to, text]) => (
          <Link key={to} to={to} activeOptions={{ includeSearch: false }} className={TAB}>
            {t(text)}
          </Link>
        ))}
      </nav>
      <NeedsUser>{children}</NeedsUser>
    </Page>
  );
}
