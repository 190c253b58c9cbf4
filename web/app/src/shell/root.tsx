/** The root of all routes: the frame, and what an unknown address or a broken page shows. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext } from "@tanstack/react-router";
import { BrokenPage } from "./BrokenPage";
import { Frame } from "./Frame";
import { UnknownPage } from "./UnknownPage";

export const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Frame,
  notFoundComponent: UnknownPage,
  errorComponent: BrokenPage,
});
