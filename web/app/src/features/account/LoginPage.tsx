/** Logging in, and asking for a new password. */
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Card, Page } from "../../ui/Page";
import { textOf } from "./form";

const route = getRouteApi("/login");

export function LoginPage() {
  const t = useText();
  const { back } = route.useSearch();
  const router = useRouter();
  const changed = useSessionChanged();
  const logIn = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.post("/api/v1/auth/login", {
        body: { email: textOf(form, "email"), password: textOf(form, "password") },
      }),
    onSuccess: async () => {
      await changed();
      router.history.replace(back ?? "/");
    },
  });
  return (
    <Page title={t("account.logIn")}>
      <Card className="w-full max-w-md">
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            logIn.mutate(new FormData(event.currentTarget));
          }}
        >
          <TextField label={t("account.email")} name="email" type="email" autoComplete="username" required />
          <TextField
            label={t("account.password")}
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
          {logIn.isError && <ErrorNotice error={logIn.error} />}
          <Button kind="primary" type="submit" busy={logIn.isPending}>
            {t("account.logIn")}
          </Button>
        </form>
        <p className="flex flex-wrap justify-between gap-3">
          <Link to="/register" search={back === undefined ? {} : { back }} className="underline">
            {t("account.noAccount")}
          </Link>
          <Link to="/reset" className="underline">
            {t("account.forgotten")}
          </Link>
        </p>
      </Card>
    </Page>
  );
}
