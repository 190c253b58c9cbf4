/** A webhook of the deployment. */
import { getRouteApi } from "@tanstack/react-router";
import { useText } from "../../lib/text";
import { AdminPage } from "./AdminPage";
import { WebhookDetail } from "../webhooks/WebhookDetail";

const route = getRouteApi("/admin/webhooks/$id");

export function AdminWebhookPage() {
  const t = useText();
  const { id } = route.useParams();
  return (
    <AdminPage title={t("admin.webhooks")}>
      <WebhookDetail scope="admin" id={id} />
    </AdminPage>
  );
}
