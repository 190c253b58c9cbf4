/** Confirms an email address with the token of the mail. A button does it: mail scanners open links but press nothing. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rostrum } from "../../lib/rostrum";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button, buttonClass } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Card, Page } from "../../ui/Page";
import { useMailToken } from "./token";

export function VerifyPage() {
  const t = useText();
  const token = useMailToken();
  const changed = useSessionChanged();
  const verify = useMutation({
    mutationFn: (given: string) => rostrum.post("/api/v1/auth/verify-email", { body: { token: given } }),
    onSuccess: changed,
  });
  return (
    <Page title={t("account.verify")}>
      <Card className="w-full max-w-md">
        {token === null && <Notice tone="warn">{t("account.noToken")}</Notice>}
        {token !== null && !verify.isSuccess && (
          <Button kind="primary" busy={verify.isPending} onClick={() => verify.mutate(token)}>
            {t("account.verifyNow")}
          </Button>
        )}
        {verify.isError && (
          <>
            <ErrorNotice error={verify.error} />
            <Link to="/account" className="underline">
              {t("account.verifyAgain")}
            </Link>
          </>
        )}
        {verify.isSuccess && <Notice tone="good">{t("account.verified")}</Notice>}
        <Link to="/" className={buttonClass()}>
          {t("shell.toAuctions")}
        </Link>
      </Card>
    </Page>
  );
}
