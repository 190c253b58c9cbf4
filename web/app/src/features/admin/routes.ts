/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";
import { readAuctionSearch, readAuditSearch, readUserSearch } from "./search";

export const adminRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin",
    component: lazyRouteComponent(() => import("./DashboardPage"), "DashboardPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/auctions",
    validateSearch: readAuctionSearch,
    component: lazyRouteComponent(() => import("./AuctionsPage"), "AuctionsPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/auctions/$id",
    component: lazyRouteComponent(() => import("./AdminAuctionPage"), "AdminAuctionPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/users",
    validateSearch: readUserSearch,
    component: lazyRouteComponent(() => import("./UsersPage"), "UsersPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/users/$id",
    component: lazyRouteComponent(() => import("./UserPage"), "UserPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/audit",
    validateSearch: readAuditSearch,
    component: lazyRouteComponent(() => import("./AuditPage"), "AuditPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/dead-letters",
    component: lazyRouteComponent(() => import("./DeadLettersPage"), "DeadLettersPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/webhooks",
    component: lazyRouteComponent(() => import("./WebhooksPage"), "WebhooksPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/products",
    component: lazyRouteComponent(() => import("./ProductsPage"), "ProductsPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/products/$id",
    component: lazyRouteComponent(() => import("./ProductPage"), "ProductPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/sales",
    component: lazyRouteComponent(() => import("./AdminSalesPage"), "AdminSalesPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/admin/refunds",
    component: lazyRouteComponent(() => import("./RefundsPage"), "RefundsPage"),
  }),
] as const;
