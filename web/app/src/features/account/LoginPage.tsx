/** Logging in, and asking for a new password. */
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { textOf } from "../../lib/form";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { Card, Page } from "../../ui/Page";
import { EmailField } from "./EmailField";
import { PasswordField } from "./PasswordField";

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
        <ActForm act={logIn} text={t("account.logIn")}>
          <EmailField />
          <PasswordField label={t("account.password")} />
        </ActForm>
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
