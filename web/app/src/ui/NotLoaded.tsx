/** A page whose subject could not be read: it says why, and leads on. */
import { Link } from "@tanstack/react-router";
import { useText } from "../lib/text";
import { buttonClass } from "./Button";
import { ErrorNotice } from "./ErrorNotice";
import { Page } from "./Page";

export function NotLoaded({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const t = useText();
  return (
    <Page title={t("ui.notLoaded")}>
      <ErrorNotice error={error} onRetry={onRetry} />
      <Link to="/" className={buttonClass("plain", "justify-self-start")}>
        {t("shell.toAuctions")}
      </Link>
    </Page>
  );
}
