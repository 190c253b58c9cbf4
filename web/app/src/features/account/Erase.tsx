/** Erases the account, after the password was given once more. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Card } from "../../ui/Page";
import { PasswordField } from "./PasswordField";

/** `onErased`: the session is gone then, and this part of the page with it. */
export function Erase({ onErased }: { onErased: () => void }) {
  const t = useText();
  const [asking, setAsking] = useState(false);
  const changed = useSessionChanged();
  const erase = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.post("/api/v1/users/me/erasure", { body: { password: textOf(form, "password") } }),
    onSuccess: () => {
      onErased();
      return changed();
    },
  });
  return (
    <Card title={t("account.erase")}>
      <p>{t("account.eraseExplained")}</p>
      <Button kind="danger" onClick={() => setAsking(true)}>
        {t("account.erase")}
      </Button>
      <Dialog title={t("account.erase")} open={asking} onClose={() => setAsking(false)}>
        <ActForm act={erase} text={t("account.eraseNow")} kind="danger">
          <p>{t("account.eraseFinal")}</p>
          <PasswordField label={t("account.password")} />
        </ActForm>
      </Dialog>
    </Card>
  );
}
