/** The names of events: a user's are about the reader, those of the deployment about anybody. */
import { isTextId, type Translate } from "../../lib/text";
import { eventName } from "../../ui/events";
import type { Scope } from "./api";

export function eventTitle(t: Translate, scope: Scope, event: string): string {
  const id = `webhooks.event.${event}`;
  return scope === "admin" && isTextId(id) ? t(id) : eventName(t, event);
}
