/** The webhooks of the deployment. */
import { useText } from "../../lib/text";
import { AdminPage } from "./AdminPage";
import { Webhooks } from "../webhooks/Webhooks";

export function AdminWebhooksPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.webhooks")}>
      <Webhooks scope="admin" />
    </AdminPage>
  );
}
