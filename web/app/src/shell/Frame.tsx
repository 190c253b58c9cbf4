/** What every page has around it: a way past the navigation, header, connection, content and footer. */
import { Outlet } from "@tanstack/react-router";
import { useText } from "../lib/text";
import { ConnectionNotice } from "./ConnectionNotice";
import { Footer } from "./Footer";
import { Header } from "./Header";

export function Frame() {
  const t = useText();
  return (
    <div className="grid min-h-dvh grid-rows-[auto_1fr_auto]">
      <a
        href="#content"
        className="bg-surface sr-only z-10 rounded-lg p-3 focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        {t("shell.skip")}
      </a>
      <Header />
      <main id="content" tabIndex={-1} className="mx-auto w-full max-w-6xl px-4 py-6 outline-none sm:px-6">
        <ConnectionNotice />
        <Outlet />
      </main>
      <Footer />
    </div>
  );
}
