/** The status of a flash sale, or of an order in it, as a word with a colour. */
import { isTextId, useText } from "../lib/text";
import { Badge, type Tone } from "./Notice";

const TONES: Readonly<Record<string, Tone>> = {
  active: "good",
  open: "good",
  cancelled: "bad",
  reserved: "warn",
  confirmed: "good",
  failed: "bad",
  rejected: "bad",
};

function Status({ prefix, status }: { prefix: "ui.sale" | "ui.order"; status: string }) {
  const t = useText();
  const id = `${prefix}.${status}`;
  return <Badge tone={TONES[status] ?? "info"}>{isTextId(id) ? t(id) : status}</Badge>;
}

export function SaleStatus({ status }: { status: string }) {
  return <Status prefix="ui.sale" status={status} />;
}

export function OrderStatus({ status }: { status: string }) {
  return <Status prefix="ui.order" status={status} />;
}
