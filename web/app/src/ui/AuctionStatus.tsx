/** The status of an auction as a word with a colour. */
import type { AuctionStatus as Status } from "rostrum-client";
import { useText } from "../lib/text";
import { Badge, type Tone } from "./Notice";

const TONES = {
  draft: "info",
  scheduled: "info",
  active: "good",
  ended: "warn",
  sold: "info",
  unsold: "info",
  cancelled: "bad",
} as const satisfies Record<string, Tone>;

function isKnown(status: string): status is keyof typeof TONES {
  return Object.hasOwn(TONES, status);
}

export function AuctionStatus({ status }: { status: Status }) {
  const t = useText();
  return isKnown(status) ? <Badge tone={TONES[status]}>{t(`ui.status.${status}`)}</Badge> : <Badge>{status}</Badge>;
}
