/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";
import { GROUPS, type Group } from "./queries";

function readGroup(search: Record<string, unknown>): { show?: Group } {
  const { show } = search;
  return typeof show === "string" && Object.hasOwn(GROUPS, show) ? { show: show as Group } : {};
}

export const salesRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/sales",
    validateSearch: readGroup,
    component: lazyRouteComponent(() => import("./SalesPage"), "SalesPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/sales/$id",
    component: lazyRouteComponent(() => import("./SalePage"), "SalePage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/orders/$id",
    component: lazyRouteComponent(() => import("./OrderPage"), "OrderPage"),
  }),
] as const;
