/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";
import { readAuctionSearch, readAuditSearch, readUserSearch } from "./search";

/** What all of them have in common. Admins see errors and events that other parts name. */
const admin = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("admin", "me", "sales", "sell") };

export const adminRoutes = [
  createRoute({
    ...admin,
    path: "/admin",
    component: lazyRouteComponent(() => import("./DashboardPage"), "DashboardPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/auctions",
    validateSearch: readAuctionSearch,
    component: lazyRouteComponent(() => import("./AuctionsPage"), "AuctionsPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/auctions/$id",
    component: lazyRouteComponent(() => import("./AdminAuctionPage"), "AdminAuctionPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/users",
    validateSearch: readUserSearch,
    component: lazyRouteComponent(() => import("./UsersPage"), "UsersPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/users/$id",
    component: lazyRouteComponent(() => import("./UserPage"), "UserPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/audit",
    validateSearch: readAuditSearch,
    component: lazyRouteComponent(() => import("./AuditPage"), "AuditPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/dead-letters",
    component: lazyRouteComponent(() => import("./DeadLettersPage"), "DeadLettersPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/dead-letters/$id",
    component: lazyRouteComponent(() => import("./DeadLetterPage"), "DeadLetterPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/products",
    component: lazyRouteComponent(() => import("./ProductsPage"), "ProductsPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/products/$id",
    component: lazyRouteComponent(() => import("./ProductPage"), "ProductPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/sales",
    component: lazyRouteComponent(() => import("./AdminSalesPage"), "AdminSalesPage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/sales/$id",
    component: lazyRouteComponent(() => import("./AdminSalePage"), "AdminSalePage"),
  }),
  createRoute({
    ...admin,
    path: "/admin/refunds",
    component: lazyRouteComponent(() => import("./RefundsPage"), "RefundsPage"),
  }),
] as const;
