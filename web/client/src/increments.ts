// The ladder of an auction: the distance of the minimum bid from the current bid. The same arithmetic as the server's
// (common/rules/increments.c); a test against a deployment compares both by POST /auctions/quote.
import { AMOUNT_MAX, toMinor } from "./money.ts";
import type { Auction, IncrementTable, Minor } from "./types.ts";

/** A distance that holds from a price on. */
interface Step {
  readonly from: Minor;
  readonly increment: Minor;
}

/** The forms in which an auction may define its increments. */
export type Increments =
  | { readonly form: "steps"; readonly steps: readonly Step[] }
  | { readonly form: "rungs"; readonly rungs: readonly Minor[] }
  | { readonly form: "percent"; readonly points: number; readonly least: Minor };

const DEFAULT_INCREMENT: Minor = 100;
/** `points` of 100 %. */
const WHOLE = 10_000n;

const EBAY_US: readonly Step[] = [
  { from: 0, increment: 5 },
  { from: 100, increment: 25 },
  { from: 500, increment: 50 },
  { from: 2_500, increment: 100 },
  { from: 10_000, increment: 250 },
  { from: 25_000, increment: 500 },
  { from: 50_000, increment: 1_000 },
  { from: 100_000, increment: 2_500 },
  { from: 250_000, increment: 5_000 },
  { from: 500_000, increment: 10_000 },
];

/** An array of the API: rungs are numbers, steps are objects. */
function readArray(table: Exclude<IncrementTable, string | { percent: number }>): Increments {
  const steps: Step[] = [];
  const rungs: Minor[] = [];
  for (const each of table) {
    if (typeof each === "number") rungs.push(toMinor(each));
    else steps.push({ from: toMinor(each.from), increment: toMinor(each.increment) });
  }
  return rungs.length > 0 ? { form: "rungs", rungs } : { form: "steps", steps };
}

/** The increments of an auction. Null: a named table that this version does not know. */
export function readIncrements(auction: Pick<Auction, "bidIncrement" | "incrementTable">): Increments | null {
  const { bidIncrement, incrementTable: table } = auction;
  if (table === undefined) {
    const increment = bidIncrement === undefined ? DEFAULT_INCREMENT : toMinor(bidIncrement);
    return { form: "steps", steps: [{ from: 0, increment }] };
  }
  if (typeof table === "string") return table === "ebay-us" ? { form: "steps", steps: EBAY_US } : null;
  if (Array.isArray(table)) return readArray(table);
  return { form: "percent", points: toMinor(table.percent), least: toMinor(table.minimum) };
}

/** The distance to the next rung. Beyond the last rung, its distance repeats. */
function toNextRung(rungs: readonly Minor[], price: Minor): Minor {
  const next = rungs.find((each) => each > price);
  if (next !== undefined) return next - price;
  const last = rungs.at(-1) ?? 0;
  const distance = last - (rungs.at(-2) ?? 0);
  return distance - ((price - last) % distance);
}

/** The increment of the last step at or below the price. */
function stepAt(steps: readonly Step[], price: Minor): Minor {
  let increment = DEFAULT_INCREMENT;
  for (const each of steps) if (each.from <= price) increment = each.increment;
  return increment;
}

/** The increment at a price. */
export function incrementAt(increments: Increments, price: Minor): Minor {
  switch (increments.form) {
    case "steps":
      return stepAt(increments.steps, price);
    case "rungs":
      return toNextRung(increments.rungs, price);
    case "percent": {
      // The product may exceed 2^53.
      const part = (BigInt(price) * BigInt(increments.points) + WHOLE - 1n) / WHOLE;
      return Math.max(Number(part), increments.least);
    }
  }
}

/** What nextAmounts reads of a state. */
export interface Ladder {
  readonly minimumBid: Minor;
  readonly increments: Increments | null;
}

/** The next `count` amounts to offer: the minimum bid, then each one that would be the minimum after it. */
export function nextAmounts({ minimumBid, increments }: Ladder, count: number): Minor[] {
  const amounts: Minor[] = [];
  let amount = minimumBid;
  while (amounts.length < count && amount <= AMOUNT_MAX) {
    amounts.push(amount);
    if (increments === null) break;
    amount += incrementAt(increments, amount);
  }
  return amounts;
}
