/** A webhook as its form gives it, and the events that it may choose. */
import type { Schemas } from "../../lib/api";
import { textOf } from "../../lib/form";
import type { Scope, WebhookTerms } from "./api";

// Of each kind the compiler asks for all events of the API.
const OF_USERS: Record<Schemas["UserEvent"], true> = {
  OUTBID: true,
  PROXY_EXHAUSTED: true,
  WATCHED_BID: true,
  AUCTION_EXTENDED: true,
  AUCTION_ENDING_SOON: true,
  AUCTION_WON: true,
  AUCTION_LOST: true,
  AUCTION_SOLD: true,
  AUCTION_UNSOLD: true,
  AUCTION_CANCELLED: true,
  BID_VOIDED: true,
  TURN_STARTED: true,
  TURN_EXPIRED: true,
  ORDER_RESERVED: true,
  ORDER_CONFIRMED: true,
  ORDER_EXPIRED: true,
  SALE_STARTING_SOON: true,
  SALE_SOLD_OUT: true,
  REFUND_DUE: true,
};
const OF_THE_DEPLOYMENT: Record<Schemas["DeploymentEvent"], true> = {
  AUCTION_STARTED: true,
  AUCTION_EXTENDED: true,
  AUCTION_ENDING_SOON: true,
  AUCTION_SOLD: true,
  AUCTION_UNSOLD: true,
  AUCTION_CANCELLED: true,
  BID_VOIDED: true,
  OUTBID: true,
  PROXY_EXHAUSTED: true,
  SALE_OPENED: true,
  SALE_STARTING_SOON: true,
  SALE_STARTED: true,
  SALE_EXTENDED: true,
  SALE_ENDED: true,
  SALE_SOLD_OUT: true,
  SALE_SETTLED: true,
  SALE_CANCELLED: true,
  TURN_STARTED: true,
  TURN_EXPIRED: true,
  ORDER_RESERVED: true,
  ORDER_CONFIRMED: true,
  ORDER_CANCELLED: true,
  ORDER_FAILED: true,
  ORDER_EXPIRED: true,
  REFUND_DUE: true,
};

export const EVENTS: Record<Scope, string[]> = {
  me: Object.keys(OF_USERS),
  admin: Object.keys(OF_THE_DEPLOYMENT),
};

export function readWebhook(form: FormData): WebhookTerms {
  return {
    url: textOf(form, "url"),
    description: textOf(form, "description"),
    events: form.getAll("events") as WebhookTerms["events"], // the boxes have no other values than those of EVENTS
  };
}
