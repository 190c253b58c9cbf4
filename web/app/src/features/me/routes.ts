/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";
import { readStates, readStatuses } from "./search";

export const meRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/bids",
    validateSearch: readStates,
    component: lazyRouteComponent(() => import("./MyBidsPage"), "MyBidsPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/auctions",
    validateSearch: readStatuses,
    component: lazyRouteComponent(() => import("./MyAuctionsPage"), "MyAuctionsPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/watchlist",
    component: lazyRouteComponent(() => import("./WatchlistPage"), "WatchlistPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/notifications",
    component: lazyRouteComponent(() => import("./NotificationsPage"), "NotificationsPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/orders",
    component: lazyRouteComponent(() => import("./OrdersPage"), "OrdersPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/me/receipts",
    component: lazyRouteComponent(() => import("./ReceiptPage"), "ReceiptPage"),
  }),
] as const;
