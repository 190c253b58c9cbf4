/** What a seller fills in, as texts of the inputs, and its way to and from the API. */
import { parseAmount, toDecimal, toMinor, type Auction } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { toLocal } from "../../lib/form";

const DAY_MS = 86_400_000;

export const DURATIONS_DAYS = [1, 3, 5, 7, 10] as const;
export const LADDERS = ["fixed", "ebay-us"] as const;
export type Ladder = (typeof LADDERS)[number];

export interface Form {
  title: string;
  description: string;
  category: string;
  startingPrice: string;
  reservePrice: string;
  buyNowPrice: string;
  ladder: Ladder;
  increment: string;
  /** Empty: as soon as it is published. As an input of the type datetime-local gives it. */
  startTime: string;
  endTime: string;
}

export function emptyForm(now: number): Form {
  return {
    title: "",
    description: "",
    category: "",
    startingPrice: "",
    reservePrice: "",
    buyNowPrice: "",
    ladder: "ebay-us",
    increment: "1.00",
    startTime: "",
    endTime: toLocal(now + DURATIONS_DAYS[3] * DAY_MS),
  };
}

/** The end if the auction runs for so many days. */
export function endAfter(form: Form, days: number, now: number): string {
  const start = form.startTime === "" ? now : Date.parse(form.startTime);
  return toLocal(start + days * DAY_MS);
}

function optional(price: number | null | undefined): string {
  return price === null || price === undefined ? "" : toDecimal(toMinor(price));
}

export function fromDraft(draft: Auction, now: number): Form {
  const start = Date.parse(draft.startTime);
  return {
    title: draft.title,
    description: draft.description,
    category: draft.category,
    startingPrice: optional(draft.startingPrice),
    reservePrice: optional(draft.reservePrice),
    buyNowPrice: optional(draft.buyNowPrice),
    ladder: draft.incrementTable === "ebay-us" ? "ebay-us" : "fixed",
    increment: optional(draft.bidIncrement),
    startTime: start > now ? toLocal(start) : "",
    endTime: toLocal(Date.parse(draft.endTime)),
  };
}

function price(text: string): string | null {
  const amount = parseAmount(text);
  return amount === null ? null : toDecimal(amount);
}

function iso(local: string): string | null {
  return local === "" ? null : new Date(local).toISOString();
}

/** The increments as the API takes them: for the auction and for the preview. */
export function incrementsOf(form: Form): Pick<Schemas["NewAuction"], "bidIncrement" | "incrementTable"> {
  return form.ladder === "fixed" ? { bidIncrement: price(form.increment) } : { incrementTable: form.ladder };
}

export function toBody(form: Form): Schemas["NewAuction"] {
  return {
    title: form.title.trim(),
    description: form.description,
    category: form.category.trim(),
    startingPrice: price(form.startingPrice) ?? "",
    reservePrice: price(form.reservePrice),
    buyNowPrice: price(form.buyNowPrice),
    ...incrementsOf(form),
    startTime: iso(form.startTime),
    endTime: iso(form.endTime) ?? "",
  };
}
