/** Changes the password. All other sessions end. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { NewPasswordField, PasswordField } from "./PasswordField";
import { sessionsQuery } from "./queries";

export function Password() {
  const t = useText();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.patch("/api/v1/users/me", {
        body: { currentPassword: textOf(form, "current"), password: textOf(form, "new") },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
  return (
    <Card title={t("account.passwordChange")}>
      <ActForm
        act={change}
        text={t("account.passwordSet")}
        kind="plain"
        emptied
        done={<Notice tone="good">{t("account.passwordChanged")}</Notice>}
      >
        <PasswordField label={t("account.currentPassword")} name="current" />
        <NewPasswordField label={t("account.newPassword")} name="new" />
      </ActForm>
    </Card>
  );
}
