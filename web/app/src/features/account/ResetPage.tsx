/** A new password: without a token a mail is asked for, with the token of that mail the password is set. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Card, Page } from "../../ui/Page";
import { PASSWORD_MAX, PASSWORD_MIN, textOf } from "./form";
import { useMailToken } from "./token";

function AskForMail() {
  const t = useText();
  const ask = useMutation({
    mutationFn: (email: string) => rostrum.post("/api/v1/auth/password-reset", { body: { email } }),
  });
  if (ask.isSuccess) {
    return <Notice tone="good">{t("account.resetSent")}</Notice>;
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        ask.mutate(textOf(new FormData(event.currentTarget), "email"));
      }}
    >
      <TextField label={t("account.email")} name="email" type="email" autoComplete="username" required />
      {ask.isError && <ErrorNotice error={ask.error} />}
      <Button kind="primary" type="submit" busy={ask.isPending}>
        {t("account.resetAsk")}
      </Button>
    </form>
  );
}

function SetPassword({ token, onAgain }: { token: string; onAgain: () => void }) {
  const t = useText();
  const set = useMutation({
    mutationFn: (password: string) =>
      rostrum.post("/api/v1/auth/password-reset/confirm", { body: { token, password } }),
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
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        set.mutate(textOf(new FormData(event.currentTarget), "password"));
      }}
    >
      <TextField
        label={t("account.newPassword")}
        hint={t("account.passwordHint", { min: PASSWORD_MIN })}
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={PASSWORD_MIN}
        maxLength={PASSWORD_MAX}
        required
      />
      {set.isError && <ErrorNotice error={set.error} />}
      {set.isError && <Button onClick={onAgain}>{t("account.resetAgain")}</Button>}
      <Button kind="primary" type="submit" busy={set.isPending}>
        {t("account.passwordSet")}
      </Button>
    </form>
  );
}

export function ResetPage() {
  const t = useText();
  const token = useMailToken();
  const [again, setAgain] = useState(false);
  return (
    <Page title={t("account.reset")}>
      <Card className="w-full max-w-md">
        {token === null || again ? <AskForMail /> : <SetPassword token={token} onAgain={() => setAgain(true)} />}
      </Card>
    </Page>
  );
}
