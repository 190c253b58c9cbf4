/** A webhook of the user. */
import { getRouteApi } from "@tanstack/react-router";
import { useText } from "../../lib/text";
import { MePage } from "./MePage";
import { WebhookDetail } from "../webhooks/WebhookDetail";

const route = getRouteApi("/me/webhooks/$id");

export function MyWebhookPage() {
  const t = useText();
  const { id } = route.useParams();
  return (
    <MePage title={t("me.webhooks")}>
      <WebhookDetail scope="me" id={id} />
    </MePage>
  );
}
