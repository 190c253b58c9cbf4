/** Erases the account, after the password was given once more. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Card } from "../../ui/Page";
import { textOf } from "./form";

/** `onErased`: the session is gone then, and this part of the page with it. */
export function Erase({ onErased }: { onErased: () => void }) {
  const t = useText();
  const [asking, setAsking] = useState(false);
  const changed = useSessionChanged();
  const erase = useMutation({
    mutationFn: (password: string) => rostrum.post("/api/v1/users/me/erasure", { body: { password } }),
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
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            erase.mutate(textOf(new FormData(event.currentTarget), "password"));
          }}
        >
          <p>{t("account.eraseFinal")}</p>
          <TextField
            label={t("account.password")}
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
          {erase.isError && <ErrorNotice error={erase.error} />}
          <Button kind="danger" type="submit" busy={erase.isPending}>
            {t("account.eraseNow")}
          </Button>
        </form>
      </Dialog>
    </Card>
  );
}
