/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";

function readDraft({ draft }: Record<string, unknown>): { draft?: string } {
  return typeof draft === "string" ? { draft } : {};
}

export const sellRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/sell",
    validateSearch: readDraft,
    component: lazyRouteComponent(() => import("./SellPage"), "SellPage"),
  }),
] as const;
