// Idempotency keys: random ones, and such that say what is meant, so that a repetition has the same key.

const BASE64URL: Readonly<Record<string, string>> = { "+": "-", "/": "_", "=": "" };

/** Base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (each) => BASE64URL[each] ?? "");
}

/** A key that nobody else has. */
export function randomKey(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(24)));
}

/** The parts in the open, for pages without TLS: those have no crypto.subtle. A kind, a UUID and two numbers fit. */
function plainKey(parts: readonly (string | number)[]): string {
  return parts.map((each) => (typeof each === "number" ? each.toString(36) : each.replaceAll("-", ""))).join("-");
}

/** A key of at most 64 characters that depends on the parts alone: their SHA-256. */
export async function hashKey(...parts: readonly (string | number)[]): Promise<string> {
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return plainKey(parts);
  const digest = await subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(parts)));
  return toBase64Url(new Uint8Array(digest));
}

/**
 * The key of a bid: auction, amount in minor units, and the version of the auction that the bidder saw. A double click,
 * a repetition after a reload and a second tab have the same key, so the server takes one bid.
 */
export function bidKey(auctionId: string, amountMinor: number, version: number): Promise<string> {
  return hashKey("bid", auctionId, amountMinor, version);
}
