/** Name, navigation and account. On a narrow screen the navigation is a disclosure below the name. */
import { Link, useRouterState } from "@tanstack/react-router";
import { useState } from "react";
import { useSession } from "../lib/session";
import { useText } from "../lib/text";
import { Navigation } from "./Navigation";

export function Header() {
  const t = useText();
  const { user } = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [openAt, setOpenAt] = useState<string>(); // the page on which the menu was opened: another page closes it
  const open = openAt === path;
  return (
    <header className="bg-surface border-line border-b">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-2 sm:px-6">
        <Link to="/" className="mr-auto flex min-h-11 items-center gap-2 text-lg font-semibold">
          <img src="/icon.svg" alt="" width="28" height="28" />
          Rostrum
        </Link>
        <button
          type="button"
          aria-expanded={open}
          aria-controls="navigation"
          className="border-edge min-h-11 rounded-lg border px-3 md:hidden"
          onClick={() => {
            setOpenAt(open ? undefined : path);
          }}
        >
          {t("shell.menu")}
        </button>
        <Navigation open={open} user={user} />
      </div>
    </header>
  );
}
