/** The pages of webhooks: for users their own ones, for admins those of the deployment. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";

const mine = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("webhooks", "me") };
const deployments = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("webhooks", "admin", "me") };

export const webhookRoutes = [
  createRoute({
    ...mine,
    path: "/me/webhooks",
    component: lazyRouteComponent(() => import("../me/MyWebhooksPage"), "MyWebhooksPage"),
  }),
  createRoute({
    ...mine,
    path: "/me/webhooks/$id",
    component: lazyRouteComponent(() => import("../me/MyWebhookPage"), "MyWebhookPage"),
  }),
  createRoute({
    ...deployments,
    path: "/admin/webhooks",
    component: lazyRouteComponent(() => import("../admin/AdminWebhooksPage"), "AdminWebhooksPage"),
  }),
  createRoute({
    ...deployments,
    path: "/admin/webhooks/$id",
    component: lazyRouteComponent(() => import("../admin/AdminWebhookPage"), "AdminWebhookPage"),
  }),
] as const;
