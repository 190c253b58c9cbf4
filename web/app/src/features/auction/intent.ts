/**
 * What a visitor asked for and has no answer to yet. It is kept for the tab before it is sent, so that a reload in between
 * asks for the same again, with the same key, instead of placing a second bid.
 */
import { forgetStored, readStored, store } from "../../lib/storage";

export const KINDS = ["bid", "maximum", "buy"] as const;
export type Kind = (typeof KINDS)[number];

export interface Intent {
  /** The id of the visitor: somebody else may log in on this tab. */
  by: string;
  kind: Kind;
  /** Minor units. */
  amount: number;
  /** The version of the auction that the visitor saw: the key of the request is made of it. */
  version: number;
  /** When it was asked for, by the server's clock in milliseconds. */
  at: number;
}

/** An older intent is not sent again: the visitor has seen other prices since then. */
const INTENT_LIFE_MS = 120_000;

function nameOf(auctionId: string) {
  return `rostrum.intent.${auctionId}`;
}

export function keepIntent(auctionId: string, intent: Intent): void {
  store("sessionStorage", nameOf(auctionId), JSON.stringify(intent));
}

export function dropIntent(auctionId: string): void {
  forgetStored("sessionStorage", nameOf(auctionId));
}

function isIntent(value: unknown): value is Intent {
  const intent = value as Partial<Intent> | null;
  return (
    typeof intent?.by === "string" &&
    KINDS.some((each) => each === intent.kind) &&
    [intent.amount, intent.version, intent.at].every((each) => Number.isSafeInteger(each))
  );
}

/** The intent of this visitor that had no answer when the page was left, or null. */
export function keptIntent(auctionId: string, by: string, now: number): Intent | null {
  try {
    const value: unknown = JSON.parse(readStored("sessionStorage", nameOf(auctionId)) ?? "null");
    return isIntent(value) && value.by === by && now - value.at < INTENT_LIFE_MS ? value : null;
  } catch {
    return null; // not written by these pages
  }
}
