/** All pages. Each folder of features lists its routes; their code is loaded when they are opened. */
import { QueryClient } from "@tanstack/react-query";
import { createRouter } from "@tanstack/react-router";
import { ApiError } from "rostrum-client";
import { accountRoutes } from "../features/account/routes";
import { adminRoutes } from "../features/admin/routes";
import { auctionRoutes } from "../features/auction/routes";
import { browseRoutes } from "../features/browse/routes";
import { meRoutes } from "../features/me/routes";
import { salesRoutes } from "../features/sales/routes";
import { sellRoutes } from "../features/sell/routes";
import { rootRoute } from "./root";

const RETRIES_MAX = 2; // of a failed read, after those of the client library
const STATUS_CLIENT_ERROR = 400;
const STATUS_SERVER_ERROR = 500;

function mayRetry(failures: number, error: Error) {
  const refused =
    error instanceof ApiError && error.status >= STATUS_CLIENT_ERROR && error.status < STATUS_SERVER_ERROR;
  return !refused && failures < RETRIES_MAX;
}

export const queries = new QueryClient({
  defaultOptions: { queries: { retry: mayRetry, refetchOnWindowFocus: false } },
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    ...browseRoutes,
    ...auctionRoutes,
    ...accountRoutes,
    ...meRoutes,
    ...sellRoutes,
    ...salesRoutes,
    ...adminRoutes,
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
