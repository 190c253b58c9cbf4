/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";
import { readStates, readStatuses } from "./search";

/** What all of them have in common. */
const page = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("me", "sales") };

export const meRoutes = [
  createRoute({
    ...page,
    path: "/me/bids",
    validateSearch: readStates,
    component: lazyRouteComponent(() => import("./MyBidsPage"), "MyBidsPage"),
  }),
  createRoute({
    ...page,
    path: "/me/auctions",
    validateSearch: readStatuses,
    component: lazyRouteComponent(() => import("./MyAuctionsPage"), "MyAuctionsPage"),
  }),
  createRoute({
    ...page,
    path: "/me/watchlist",
    component: lazyRouteComponent(() => import("./WatchlistPage"), "WatchlistPage"),
  }),
  createRoute({
    ...page,
    path: "/me/notifications",
    component: lazyRouteComponent(() => import("./NotificationsPage"), "NotificationsPage"),
  }),
  createRoute({
    ...page,
    path: "/me/orders",
    component: lazyRouteComponent(() => import("./OrdersPage"), "OrdersPage"),
  }),
  createRoute({
    ...page,
    path: "/me/receipts",
    component: lazyRouteComponent(() => import("./ReceiptPage"), "ReceiptPage"),
  }),
] as const;
