/** A file with everything that is stored about the user. */
import { useMutation } from "@tanstack/react-query";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card } from "../../ui/Page";
import { readExport } from "./queries";

function save(sections: Record<string, unknown[]>) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(sections, null, 2)], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: "rostrum-account.json" });
  link.click();
  URL.revokeObjectURL(url);
}

export function Export() {
  const t = useText();
  const read = useMutation({ mutationFn: readExport, onSuccess: save });
  return (
    <Card title={t("account.export")}>
      <p>{t("account.exportExplained")}</p>
      {read.isError && <ErrorNotice error={read.error} />}
      <Button busy={read.isPending} onClick={() => read.mutate()}>
        {t("account.exportNow")}
      </Button>
    </Card>
  );
}
