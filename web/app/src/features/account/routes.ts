/** The pages of this folder. Tokens of mails are in the fragment of the address, which no server and no log sees. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root";

/** Where to go after the login: a path of these pages, never another site. */
function readBack(search: Record<string, unknown>): { back?: string } {
  const { back } = search;
  return typeof back === "string" && /^\/(?![/\\])/.test(back) ? { back } : {};
}

export const accountRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/login",
    validateSearch: readBack,
    component: lazyRouteComponent(() => import("./LoginPage"), "LoginPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/register",
    validateSearch: readBack,
    component: lazyRouteComponent(() => import("./RegisterPage"), "RegisterPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/verify",
    component: lazyRouteComponent(() => import("./VerifyPage"), "VerifyPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/reset",
    component: lazyRouteComponent(() => import("./ResetPage"), "ResetPage"),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: "/account",
    component: lazyRouteComponent(() => import("./AccountPage"), "AccountPage"),
  }),
] as const;
