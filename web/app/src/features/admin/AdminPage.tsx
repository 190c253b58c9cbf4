/** The frame of the admin's pages. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { NeedsUser } from "../../shell/NeedsUser";
import { useText } from "../../lib/text";
import { Page } from "../../ui/Page";

const TAB =
  "data-[status=active]:border-accent flex min-h-11 items-center border-b-2 border-transparent px-3 data-[status=active]:font-semibold";
const PAGES = [
  ["/admin", "admin.dashboard"],
  ["/admin/auctions", "admin.auctions"],
  ["/admin/users", "admin.users"],
  ["/admin/products", "admin.products"],
  ["/admin/sales", "admin.sales"],
  ["/admin/refunds", "admin.refunds"],
  ["/admin/audit", "admin.audit"],
  ["/admin/dead-letters", "admin.deadLetters"],
  ["/admin/webhooks", "admin.webhooks"],
] as const;

interface AdminPageProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

export function AdminPage({ title, aside, children }: AdminPageProps) {
  const t = useText();
  return (
    <Page title={title} aside={aside}>
      <nav
        aria-label={t("admin.pages")}
        className="border-line flex gap-x-2 overflow-x-auto border-b whitespace-nowrap"
      >
        {PAGES.map(([to, text]) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/admin", includeSearch: false }} className={TAB}>
            {t(text)}
          </Link>
        ))}
      </nav>
      <NeedsUser admin>{children}</NeedsUser>
    </Page>
  );
}
