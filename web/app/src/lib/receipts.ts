/** The receipts of this browser's bids, the newest first. They are proofs for the bidder, so they are kept, within bounds. */
import { readStored, store } from "./storage";

const STORED = "rostrum.receipts";
const KEPT_MAX = 200;

/** The kept receipts: texts as the gateway gave them. */
export function keptReceipts(): string[] {
  try {
    const value: unknown = JSON.parse(readStored("localStorage", STORED) ?? "[]");
    return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  } catch {
    return []; // not written by these pages
  }
}

export function keepReceipt(receipt: string): void {
  const all = [receipt, ...keptReceipts().filter((each) => each !== receipt)].slice(0, KEPT_MAX);
  store("localStorage", STORED, JSON.stringify(all));
}
