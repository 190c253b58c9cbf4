/** Pages for people who are signed in: a guest is led to the login and back. */
import { Link, useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useSession } from "../lib/session";
import { useText } from "../lib/text";
import { buttonClass } from "../ui/Button";
import { ErrorNotice } from "../ui/ErrorNotice";
import { Empty, Skeleton } from "../ui/Page";

export function NeedsUser({ admin = false, children }: { admin?: boolean; children: ReactNode }) {
  const t = useText();
  const { user, isAdmin, error } = useSession();
  const back = useRouterState({ select: (state) => state.location.href });
  if (user === undefined) {
    return error === null ? <Skeleton className="h-64" /> : <ErrorNotice error={error} />;
  }
  if (user === null) {
    return (
      <Empty>
        <p>{t("shell.loginFirst")}</p>
        <Link to="/login" search={{ back }} className={buttonClass("primary")}>
          {t("shell.logIn")}
        </Link>
      </Empty>
    );
  }
  return admin && !isAdmin ? <Empty>{t("shell.adminsOnly")}</Empty> : children;
}
