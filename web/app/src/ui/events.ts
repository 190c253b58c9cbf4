/** The names of notifications in the visitor's language. */
import { isTextId, type Translate } from "../lib/text";

/** The name of an event, or its code if these pages do not know it. */
export function eventName(t: Translate, event: string): string {
  const id = `me.event.${event}`;
  return isTextId(id) ? t(id) : event;
}
