/** Name, language of mails, and whether the address is verified. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../lib/api";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { sessionQuery } from "../../lib/session";
import { LANGUAGES, useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { SelectField } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { NameField } from "./NameField";

function Verification({ account }: { account: Schemas["Account"] }) {
  const t = useText();
  const resend = useMutation({ mutationFn: () => rostrum.post("/api/v1/auth/verify-email/resend") });
  if (account.emailVerified) {
    return <Notice tone="good">{t("account.emailVerified", { email: account.email })}</Notice>;
  }
  if (!account.sendsMail) {
    return <Notice tone="info">{t("account.emailUnverifiable", { email: account.email })}</Notice>;
  }
  return (
    <Notice tone="warn">
      <div className="grid gap-3">
        <p>{t("account.emailUnverified", { email: account.email })}</p>
        {resend.isSuccess ? (
          <p>{t("account.resent")}</p>
        ) : (
          <Button busy={resend.isPending} onClick={() => resend.mutate()}>
            {t("account.resend")}
          </Button>
        )}
        {resend.isError && <ErrorNotice error={resend.error} />}
      </div>
    </Notice>
  );
}

export function Profile({ account }: { account: Schemas["Account"] }) {
  const t = useText();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.patch("/api/v1/users/me", {
        body: { displayName: textOf(form, "name"), language: textOf(form, "language") },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
  return (
    <Card title={t("account.profile")}>
      <Verification account={account} />
      <ActForm
        act={change}
        text={t("account.save")}
        kind="plain"
        done={<Notice tone="good">{t("account.saved")}</Notice>}
      >
        <NameField value={account.displayName} />
        <SelectField label={t("account.mailLanguage")} name="language" defaultValue={account.language}>
          {Object.entries({ [account.language]: account.language, ...LANGUAGES }).map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </SelectField>
      </ActForm>
    </Card>
  );
}
