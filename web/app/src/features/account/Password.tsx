/** Changes the password. All other sessions end. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Card } from "../../ui/Page";
import { PASSWORD_MAX, PASSWORD_MIN, textOf } from "./form";
import { sessionsQuery } from "./queries";

export function Password() {
  const t = useText();
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const change = useMutation({
    mutationFn: (given: FormData) =>
      rostrum.patch("/api/v1/users/me", {
        body: { currentPassword: textOf(given, "current"), password: textOf(given, "new") },
      }),
    onSuccess: () => {
      form.current?.reset();
      return queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    },
  });
  return (
    <Card title={t("account.passwordChange")}>
      <form
        ref={form}
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(new FormData(event.currentTarget));
        }}
      >
        <TextField
          label={t("account.currentPassword")}
          name="current"
          type="password"
          autoComplete="current-password"
          required
        />
        <TextField
          label={t("account.newPassword")}
          hint={t("account.passwordHint", { min: PASSWORD_MIN })}
          name="new"
          type="password"
          autoComplete="new-password"
          minLength={PASSWORD_MIN}
          maxLength={PASSWORD_MAX}
          required
        />
        {change.isError && <ErrorNotice error={change.error} />}
        {change.isSuccess && <Notice tone="good">{t("account.passwordChanged")}</Notice>}
        <Button type="submit" busy={change.isPending}>
          {t("account.passwordSet")}
        </Button>
      </form>
    </Card>
  );
}
