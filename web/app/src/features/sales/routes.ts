/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";
import { readGroup } from "./search";

/** What all of them have in common. */
const page = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("sales", "me") };

export const salesRoutes = [
  createRoute({
    ...page,
    path: "/sales",
    validateSearch: readGroup,
    component: lazyRouteComponent(() => import("./SalesPage"), "SalesPage"),
  }),
  createRoute({
    ...page,
    path: "/sales/$id",
    component: lazyRouteComponent(() => import("./SalePage"), "SalePage"),
  }),
  createRoute({
    ...page,
    path: "/orders/$id",
    component: lazyRouteComponent(() => import("./OrderPage"), "OrderPage"),
  }),
] as const;
