/** The webhooks of the user. */
import { useText } from "../../lib/text";
import { MePage } from "./MePage";
import { Webhooks } from "../webhooks/Webhooks";

export function MyWebhooksPage() {
  const t = useText();
  return (
    <MePage title={t("me.webhooks")}>
      <Webhooks scope="me" />
    </MePage>
  );
}
