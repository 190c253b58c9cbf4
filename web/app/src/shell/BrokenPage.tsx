/** What a page shows that failed: also when a page of an older version is no longer on the server. */
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useText } from "../lib/text";
import { Button } from "../ui/Button";
import { Empty, Page } from "../ui/Page";

export function BrokenPage({ error }: ErrorComponentProps) {
  const t = useText();
  return (
    <Page title={t("shell.broken")}>
      <Empty>
        <p>{t("shell.brokenWhy")}</p>
        <p className="text-sm">{error instanceof Error ? error.message : String(error)}</p>
        <Button
          kind="primary"
          onClick={() => {
            location.reload();
          }}
        >
          {t("shell.reload")}
        </Button>
      </Empty>
    </Page>
  );
}
