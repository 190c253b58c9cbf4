// Receipts of bids (docs/receipts.md): an Ed25519 signature of the deployment, checked by WebCrypto.
import type { KeySet } from "./types.ts";

/** What a receipt says. Amounts are the decimal numbers of the API. */
export interface ReceiptClaims {
  readonly bidId: string;
  readonly auctionId: string;
  readonly bidderId: string;
  readonly kind: string;
  readonly receivedAt: string;
  readonly amount?: number;
  readonly maxAmount?: number;
}

/** The outcome of a check. */
export type ReceiptCheck =
  | { readonly result: "valid"; readonly claims: ReceiptClaims }
  /** The text is no receipt. */
  | { readonly result: "malformed" }
  /** The key set has no such key: another deployment wrote it. */
  | { readonly result: "unknown_key"; readonly kid: string }
  /** The text was changed, or the deployment never wrote it. */
  | { readonly result: "wrong_signature" }
  /** This browser has no Ed25519; the receipt may be valid. `rostrumctl receipt` can check it. */
  | { readonly result: "unsupported" };

interface Header {
  readonly alg?: unknown;
  readonly typ?: unknown;
  readonly kid?: unknown;
}

const BASE64: Readonly<Record<string, string>> = { "-": "+", _: "/" };

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new SyntaxError("not Base64url");
  return Uint8Array.from(atob(text.replace(/[-_]/g, (each) => BASE64[each] ?? "")), (each) => each.charCodeAt(0));
}

function readJson(part: string): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64Url(part)));
}

/** The parts of a receipt, or null. */
function parse(receipt: string): { kid: string; claims: ReceiptClaims; signature: Uint8Array<ArrayBuffer> } | null {
  const [head, body, signed, ...more] = receipt.split(".");
  if (head === undefined || body === undefined || signed === undefined || more.length > 0) return null;
  try {
    const header = readJson(head) as Header;
    const claims = readJson(body) as ReceiptClaims;
    if (header.alg !== "EdDSA" || header.typ !== "bid-receipt" || typeof header.kid !== "string") return null;
    return { kid: header.kid, claims, signature: fromBase64Url(signed) };
  } catch {
    return null;
  }
}

/** The key as WebCrypto has it. Null: no Ed25519 here. */
async function importKey(x: string): Promise<CryptoKey | null> {
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x };
    return await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
}

/** Checks a receipt against the key set of `GET /.well-known/jwks.json`. It never rejects. */
export async function verifyReceipt(receipt: string, jwks: KeySet): Promise<ReceiptCheck> {
  const text = receipt.trim();
  const parts = parse(text);
  if (parts === null) return { result: "malformed" };
  const found = jwks.keys.find((each) => each.kid === parts.kid);
  if (found === undefined) return { result: "unknown_key", kid: parts.kid };
  // Pages without TLS have no crypto.subtle.
  const key =
    (globalThis.crypto as Partial<Crypto> | undefined)?.subtle === undefined ? null : await importKey(found.x);
  if (key === null) return { result: "unsupported" };
  const signed = new TextEncoder().encode(text.slice(0, text.lastIndexOf(".")));
  const valid = await crypto.subtle.verify({ name: "Ed25519" }, key, parts.signature, signed);
  return valid ? { result: "valid", claims: parts.claims } : { result: "wrong_signature" };
}
