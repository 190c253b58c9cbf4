/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";

export const auctionRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/auctions/$id",
    component: lazyRouteComponent(() => import("./AuctionPage"), "AuctionPage"),
  }),
] as const;
