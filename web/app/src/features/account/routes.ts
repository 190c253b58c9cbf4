/** The pages of this folder. Tokens of mails are in the fragment of the address, which no server and no log sees. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { needsTexts } from "../../lib/text";
import { rootRoute } from "../../shell/root";

/** Where to go after the login: a path of these pages, never another site. */
function readBack(search: Record<string, unknown>): { back?: string } {
  const { back } = search;
  return typeof back === "string" && /^\/(?![/\\])/.test(back) ? { back } : {};
}

/** What all of them have in common. */
const page = { getParentRoute: () => rootRoute, beforeLoad: needsTexts("account") };

export const accountRoutes = [
  createRoute({
    ...page,
    path: "/login",
    validateSearch: readBack,
    component: lazyRouteComponent(() => import("./LoginPage"), "LoginPage"),
  }),
  createRoute({
    ...page,
    path: "/register",
    validateSearch: readBack,
    component: lazyRouteComponent(() => import("./RegisterPage"), "RegisterPage"),
  }),
  createRoute({
    ...page,
    path: "/verify",
    component: lazyRouteComponent(() => import("./VerifyPage"), "VerifyPage"),
  }),
  createRoute({
    ...page,
    path: "/reset",
    component: lazyRouteComponent(() => import("./ResetPage"), "ResetPage"),
  }),
  createRoute({
    ...page,
    beforeLoad: needsTexts("account", "me"), // its settings name the events of notifications
    path: "/account",
    component: lazyRouteComponent(() => import("./AccountPage"), "AccountPage"),
  }),
] as const;
