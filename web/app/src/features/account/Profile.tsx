/** Name, language of mails, and whether the address is verified. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { sessionQuery } from "../../lib/session";
import { LANGUAGES, useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { SelectField, TextField } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { NAME_MAX, textOf } from "./form";

function Verification({ account }: { account: Schemas["Account"] }) {
  const t = useText();
  const resend = useMutation({ mutationFn: () => rostrum.post("/api/v1/auth/verify-email/resend") });
  if (account.emailVerified) {
    return <Notice tone="good">{t("account.emailVerified", { email: account.email })}</Notice>;
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
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(new FormData(event.currentTarget));
        }}
      >
        <TextField
          label={t("account.name")}
          name="name"
          defaultValue={account.displayName}
          autoComplete="name"
          maxLength={NAME_MAX}
          required
        />
        <SelectField label={t("account.mailLanguage")} name="language" defaultValue={account.language}>
          {Object.entries({ [account.language]: account.language, ...LANGUAGES }).map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </SelectField>
        {change.isError && <ErrorNotice error={change.error} />}
        {change.isSuccess && <Notice tone="good">{t("account.saved")}</Notice>}
        <Button type="submit" busy={change.isPending}>
          {t("account.save")}
        </Button>
      </form>
    </Card>
  );
}
