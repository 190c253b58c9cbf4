/** How many units a visitor wants. What was joined for is kept for the tab, because a turn does not say it. */
import { readStored, store } from "../../lib/storage";

const WHOLE = /^\d+$/;

/** The whole number in a text, or null if it is not from 1 to `max`. */
export function readQuantity(text: string, max: number): number | null {
  const quantity = WHOLE.test(text.trim()) ? Number(text) : 0;
  return quantity >= 1 && quantity <= max ? quantity : null;
}

function nameOf(saleId: string) {
  return `rostrum.wanted.${saleId}`;
}

export function keepWanted(saleId: string, quantity: number): void {
  store("sessionStorage", nameOf(saleId), String(quantity));
}

/** What a turn begins with: what was joined for, unless fewer units are set aside for those in a turn. */
export function firstQuantity(saleId: string, claimed: number, max: number): number {
  const wanted = readQuantity(readStored("sessionStorage", nameOf(saleId)) ?? "", max) ?? 1;
  return Math.max(1, Math.min(wanted, claimed));
}
