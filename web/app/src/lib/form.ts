/** What pages read from a form that is sent. */
import { parseAmount, toDecimal } from "rostrum-client";

export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

/** An amount as the API takes it. What is no amount is sent as it stands: the server says what is wrong with it. */
export function amountOf(form: FormData, name: string): string {
  const amount = parseAmount(textOf(form, name));
  return amount === null ? textOf(form, name) : toDecimal(amount);
}

const MINUTE_MS = 60_000;

/** A time as an input of the type datetime-local wants it, in the zone of the browser. */
export function toLocal(ms: number): string {
  const offset = new Date(ms).getTimezoneOffset() * MINUTE_MS;
  return new Date(ms - offset).toISOString().slice(0, 16);
}
