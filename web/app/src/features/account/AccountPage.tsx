/** The account: name, address, password, notifications, sessions, export and erasure. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { sessionQuery } from "../../lib/session";
import { useText } from "../../lib/text";
import { buttonClass } from "../../ui/Button";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { NeedsUser } from "../../shell/NeedsUser";
import { Erase } from "./Erase";
import { Export } from "./Export";
import { Password } from "./Password";
import { Preferences } from "./Preferences";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";

function Parts({ onErased }: { onErased: () => void }) {
  const { data: account } = useQuery(sessionQuery);
  if (account === null || account === undefined) {
    return null;
  }
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <Profile account={account} />
      <Password />
      <Sessions />
      <div className="grid gap-6">
        <Export />
        <Erase onErased={onErased} />
      </div>
      <Preferences account={account} />
    </div>
  );
}

export function AccountPage() {
  const t = useText();
  const [erased, setErased] = useState(false);
  return (
    <Page title={t("account.title")}>
      {erased ? (
        <>
          <Notice tone="good">{t("account.erased")}</Notice>
          <Link to="/" className={buttonClass("plain", "justify-self-start")}>
            {t("shell.toAuctions")}
          </Link>
        </>
      ) : (
        <NeedsUser>
          <Parts onErased={() => setErased(true)} />
        </NeedsUser>
      )}
    </Page>
  );
}
