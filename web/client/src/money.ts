// Money as integers in minor units. The API writes an amount as a JSON number with two decimals.
import type { Minor } from "./types.ts";

const DECIMALS = 2;
const SCALE = 100;
const GROUP_DIGITS = 3;

/** The largest amount of the API: 9,999,999,999.99. */
export const AMOUNT_MAX: Minor = 999_999_999_999;

/** An amount of the API as an integer. Exact, because a double has 15 digits and the largest amount has 12. */
export function toMinor(amount: number): Minor {
  return Math.round(amount * SCALE);
}

/** The decimal text of an amount, as the API accepts it: 5500 is "55.00". */
export function toDecimal(amount: Minor): string {
  const digits = String(amount).padStart(DECIMALS + 1, "0");
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}

/** Whether groups of digits are those of a number: the first has 1 to 3, each other 3. */
function areGroups(groups: readonly string[]): boolean {
  const [first = "", ...others] = groups;
  return /^\d{1,3}$/.test(first) && others.every((each) => /^\d{3}$/.test(each));
}

/** Digits without separators of thousands, or null. */
function joinGroups(text: string, separator: string): string | null {
  if (/^\d+$/.test(text)) return text;
  const groups = text.split(separator);
  return groups.length > 1 && areGroups(groups) ? groups.join("") : null;
}

/** Splits a number at its decimal separator. Null: the text is no number, or can be read in two ways. */
function split(text: string): { whole: string; fraction: string } | null {
  const last = Math.max(text.lastIndexOf("."), text.lastIndexOf(","));
  if (last < 0) {
    const whole = joinGroups(text, " ");
    return whole === null ? null : { whole, fraction: "" };
  }
  const [before, mark, fraction] = [text.slice(0, last), text.charAt(last), text.slice(last + 1)];
  if (/^\d{1,2}$/.test(fraction)) {
    const whole = joinGroups(before, mark === "." ? "," : ".") ?? joinGroups(before, " ");
    return whole === null ? null : { whole, fraction };
  }
  // "1,234,567" has groups of thousands. "1,234" may be either, so it is refused.
  const groups = text.split(mark);
  return fraction.length === GROUP_DIGITS && groups.length > 2 && areGroups(groups)
    ? { whole: groups.join(""), fraction: "" }
    : null;
}

/**
 * Reads an amount that a person typed, whatever their language: "55", "55.5", "55,50", "1,234.50", "1.234,50".
 * Null: it is no amount above zero with at most two decimals, or can be read in two ways, as "1,234" can.
 */
export function parseAmount(text: string): Minor | null {
  const parts = split(text.trim().replace(/[\u00a0\u202f'’]/g, " "));
  if (parts === null || parts.whole.length > 15) return null;
  const amount = Number(parts.whole) * SCALE + Number(parts.fraction.padEnd(DECIMALS, "0"));
  return amount > 0 && amount <= AMOUNT_MAX ? amount : null;
}

/** Writes an amount for a person, by Intl. Without a locale the one of the environment is used. */
export function formatAmount(amount: Minor, currency = "USD", locale?: string): string {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount / SCALE);
}
