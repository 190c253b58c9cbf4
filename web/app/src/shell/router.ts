/** All pages. Each folder of features lists its routes; their code is loaded when they are opened. */
import { createRouter } from "@tanstack/react-router";
import { accountRoutes } from "../features/account/routes";
import { adminRoutes } from "../features/admin/routes";
import { auctionRoutes } from "../features/auction/routes";
import { browseRoutes } from "../features/browse/routes";
import { meRoutes } from "../features/me/routes";
import { salesRoutes } from "../features/sales/routes";
import { sellRoutes } from "../features/sell/routes";
import { webhookRoutes } from "../features/webhooks/routes";
import { queries } from "./queries";
import { rootRoute } from "./root";

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    ...browseRoutes,
    ...auctionRoutes,
    ...accountRoutes,
    ...meRoutes,
    ...sellRoutes,
    ...salesRoutes,
    ...adminRoutes,
    ...webhookRoutes,
  ]),
  context: { queries },
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
