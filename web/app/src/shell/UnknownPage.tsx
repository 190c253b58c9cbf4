/** The answer to an address that no page has. */
import { Link } from "@tanstack/react-router";
import { useText } from "../lib/text";
import { buttonClass } from "../ui/Button";
import { Empty, Page } from "../ui/Page";

export function UnknownPage() {
  const t = useText();
  return (
    <Page title={t("shell.unknown")}>
      <Empty>
        <p>{t("shell.unknownWhy")}</p>
        <Link to="/" className={buttonClass("primary")}>
          {t("shell.toAuctions")}
        </Link>
      </Empty>
    </Page>
  );
}
