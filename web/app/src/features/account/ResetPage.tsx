/** A new password: without a token a mail is asked for, with the token of that mail the password is set. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Button, buttonClass } from "../../ui/Button";
import { Notice } from "../../ui/Notice";
import { Card, Page } from "../../ui/Page";
import { EmailField } from "./EmailField";
import { NewPasswordField } from "./PasswordField";
import { useMailToken } from "./token";

function AskForMail() {
  const t = useText();
  const ask = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.post("/api/v1/auth/password-reset", { body: { email: textOf(form, "email") } }),
  });
  if (ask.isSuccess) {
    return (
      <>
        <Notice tone="good">{t("account.resetSent")}</Notice>
        <Link to="/login" className={buttonClass()}>
          {t("account.logIn")}
        </Link>
      </>
    );
  }
  return (
    <ActForm act={ask} text={t("account.resetAsk")}>
      <EmailField />
    </ActForm>
  );
}

function SetPassword({ token, onAgain }: { token: string; onAgain: () => void }) {
  const t = useText();
  const set = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.post("/api/v1/auth/password-reset/confirm", { body: { token, password: textOf(form, "password") } }),
  });
  if (set.isSuccess) {
    return (
      <>
        <Notice tone="good">{t("account.resetDone")}</Notice>
        <Link to="/login" className={buttonClass("primary")}>
          {t("account.logIn")}
        </Link>
      </>
    );
  }
  return (
    <ActForm
      act={set}
      text={t("account.passwordSet")}
      instead={<Button onClick={onAgain}>{t("account.resetAgain")}</Button>}
    >
      <NewPasswordField label={t("account.newPassword")} />
    </ActForm>
  );
}

export function ResetPage() {
  const t = useText();
  const token = useMailToken();
  const [refused, setRefused] = useState<string>();
  return (
    <Page title={t("account.reset")}>
      <Card className="w-full max-w-md">
        {token === null || token === refused ? (
          <AskForMail />
        ) : (
          <SetPassword key={token} token={token} onAgain={() => setRefused(token)} />
        )}
      </Card>
    </Page>
  );
}
