/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";

function readDraft({ draft }: Record<string, unknown>): { draft?: string } {
  return typeof draft === "string" ? { draft } : {};
}

/** What all of them have in common. */
const page = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("sell") };

export const sellRoutes = [
  createRoute({
    ...page,
    path: "/sell",
    validateSearch: readDraft,
    component: lazyRouteComponent(() => import("./SellPage"), "SellPage"),
  }),
] as const;
