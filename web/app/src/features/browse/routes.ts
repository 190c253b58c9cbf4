/** The pages of this folder. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";
import { readSearch } from "./search";

export const browseRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: readSearch,
  component: lazyRouteComponent(() => import("./BrowsePage"), "BrowsePage"),
});

export const browseRoutes = [browseRoute] as const;
