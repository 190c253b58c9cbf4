/** The frame of the admin's pages. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { NeedsUser } from "../../shell/NeedsUser";
import { useText } from "../../lib/text";
import { Page } from "../../ui/Page";
import { TAB, Tabs } from "../../ui/Tabs";

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
      <Tabs label={t("admin.pages")}>
        {PAGES.map(([to, text]) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/admin", includeSearch: false }} className={TAB}>
            {t(text)}
          </Link>
        ))}
      </Tabs>
      <NeedsUser admin>{children}</NeedsUser>
    </Page>
  );
}
