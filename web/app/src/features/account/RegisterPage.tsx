/** A new account. It is logged in at once, so that a newcomer can bid within a minute. */
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextField } from "../../ui/Field";
import { Card, Page } from "../../ui/Page";
import { NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, textOf } from "./form";

const route = getRouteApi("/register");

async function register(form: FormData) {
  const login = { email: textOf(form, "email"), password: textOf(form, "password") };
  await rostrum.post("/api/v1/auth/register", { body: { ...login, displayName: textOf(form, "name") } });
  return rostrum.post("/api/v1/auth/login", { body: login });
}

export function RegisterPage() {
  const t = useText();
  const { back } = route.useSearch();
  const router = useRouter();
  const changed = useSessionChanged();
  const create = useMutation({
    mutationFn: register,
    onSuccess: async () => {
      await changed();
      router.history.replace(back ?? "/");
    },
  });
  return (
    <Page title={t("account.register")}>
      <Card className="w-full max-w-md">
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            create.mutate(new FormData(event.currentTarget));
          }}
        >
          <TextField
            label={t("account.name")}
            hint={t("account.nameHint")}
            name="name"
            autoComplete="name"
            maxLength={NAME_MAX}
            required
          />
          <TextField label={t("account.email")} name="email" type="email" autoComplete="username" required />
          <TextField
            label={t("account.password")}
            hint={t("account.passwordHint", { min: PASSWORD_MIN })}
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={PASSWORD_MIN}
            maxLength={PASSWORD_MAX}
            required
          />
          {create.isError && <ErrorNotice error={create.error} />}
          <Button kind="primary" type="submit" busy={create.isPending}>
            {t("account.register")}
          </Button>
        </form>
        <Link to="/login" search={back === undefined ? {} : { back }} className="underline">
          {t("account.haveAccount")}
        </Link>
      </Card>
    </Page>
  );
}
