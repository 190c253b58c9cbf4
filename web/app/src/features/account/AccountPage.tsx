/** The account: name, address, password, notifications, sessions, export and erasure. */
import { sessionQuery } from "../../lib/session";
import { useQuery } from "@tanstack/react-query";
import { useText } from "../../lib/text";
import { Page } from "../../ui/Page";
import { NeedsUser } from "../../shell/NeedsUser";
import { Erase } from "./Erase";
import { Export } from "./Export";
import { Password } from "./Password";
import { Preferences } from "./Preferences";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";

function Parts() {
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
        <Erase />
      </div>
      <Preferences account={account} />
    </div>
  );
}

export function AccountPage() {
  const t = useText();
  return (
    <Page title={t("account.title")}>
      <NeedsUser>
        <Parts />
      </NeedsUser>
    </Page>
  );
}
