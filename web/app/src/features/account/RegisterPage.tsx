/** A new account. It is logged in at once, so that a newcomer can bid within a minute. */
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Card, Page } from "../../ui/Page";
import { EmailField } from "./EmailField";
import { NameField } from "./NameField";
import { NewPasswordField } from "./PasswordField";

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
        <ActForm act={create} text={t("account.register")}>
          <NameField hint={t("account.nameHint")} />
          <EmailField />
          <NewPasswordField label={t("account.password")} />
        </ActForm>
        <Link to="/login" search={back === undefined ? {} : { back }} className="underline">
          {t("account.haveAccount")}
        </Link>
      </Card>
    </Page>
  );
}
