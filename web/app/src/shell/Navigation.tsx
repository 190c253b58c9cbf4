/** The links of the header: the same for everyone, then those of the person who is signed in. */
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { useMutation } from "@tanstack/react-query";
import type { Schemas } from "../lib/api";
import { rostrum } from "../lib/rostrum";
import { useSessionChanged } from "../lib/session";
import { useText, type Translate } from "../lib/text";
import { UnreadCount } from "./UnreadCount";

const LINK = "hover:bg-raised flex min-h-11 items-center gap-2 rounded-lg px-3 data-[status=active]:font-semibold";

interface Entry {
  to: "/" | "/sales" | "/sell" | "/me/bids" | "/admin";
  text: string;
}

function entries(t: Translate, user: Schemas["Account"] | null | undefined): Entry[] {
  const all: Entry[] = [
    { to: "/", text: t("shell.auctions") },
    { to: "/sales", text: t("shell.sales") },
    { to: "/sell", text: t("shell.sell") },
  ];
  if (user !== null && user !== undefined) {
    all.push({ to: "/me/bids", text: t("shell.mine") });
    if (user.role === "admin") {
      all.push({ to: "/admin", text: t("shell.admin") });
    }
  }
  return all;
}

function LogOut() {
  const t = useText();
  const changed = useSessionChanged();
  const navigate = useNavigate();
  const logOut = useMutation({
    mutationFn: () => rostrum.post("/api/v1/auth/logout"),
    onSettled: async () => {
      await changed();
      await navigate({ to: "/" });
    },
  });
  return (
    <button
      type="button"
      className={LINK}
      disabled={logOut.isPending}
      onClick={() => {
        logOut.mutate();
      }}
    >
      {t("shell.logOut")}
    </button>
  );
}

/** The page to come back to after the login: the present one, but no page of the login itself. */
function useBack(): { back?: string } {
  const href = useRouterState({ select: ({ location }) => location.href });
  return href === "/" || /^\/(login|register|reset|verify)/.test(href) ? {} : { back: href };
}

export function Navigation({ open, user }: { open: boolean; user: Schemas["Account"] | null | undefined }) {
  const t = useText();
  const back = useBack();
  return (
    <nav
      id="navigation"
      aria-label={t("shell.navigation")}
      className={`${open ? "grid" : "hidden"} w-full md:flex md:w-auto md:items-center`}
    >
      {entries(t, user).map(({ to, text }) => (
        <Link key={to} to={to} activeOptions={{ exact: to === "/", includeSearch: false }} className={LINK}>
          {text}
        </Link>
      ))}
      {user === null && (
        <>
          <Link to="/login" search={back} className={LINK}>
            {t("shell.logIn")}
          </Link>
          <Link to="/register" search={back} className={LINK}>
            {t("shell.register")}
          </Link>
        </>
      )}
      {user !== null && user !== undefined && (
        <>
          <Link to="/me/notifications" className={LINK}>
            {t("shell.notifications")} <UnreadCount />
          </Link>
          <Link to="/account" className={LINK}>
            {user.displayName}
          </Link>
          <LogOut />
        </>
      )}
    </nav>
  );
}
