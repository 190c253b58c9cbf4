import { generateKeyPairSync, sign } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { verifyReceipt } from "./receipts.ts";
import type { KeySet } from "./types.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const CLAIMS = {
  bidId: "b",
  auctionId: "a",
  bidderId: "u",
  kind: "bid",
  receivedAt: "2026-05-01T13:30:15.120Z",
  amount: 55,
};
const JWKS: KeySet = {
  keys: [
    {
      kty: "OKP",
      crv: "Ed25519",
      use: "sig",
      alg: "EdDSA",
      kid: "key-1",
      x: publicKey.export({ format: "jwk" }).x ?? "",
    },
  ],
};

function encode(data: object): string {
  return Buffer.from(JSON.stringify(data)).toString("base64url");
}

function receiptOf(claims: object, header: object = {}): string {
  const text = `${encode({ alg: "EdDSA", typ: "bid-receipt", kid: "key-1", ...header })}.${encode(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString("base64url")}`;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("verifyReceipt", () => {
  it("accepts what the deployment signed", async () => {
    expect(await verifyReceipt(`${receiptOf(CLAIMS)}\n`, JWKS)).toEqual({ result: "valid", claims: CLAIMS });
  });

  it("refuses a changed amount, and a signature of another text", async () => {
    const [head, , signature] = receiptOf(CLAIMS).split(".");
    const forged = `${String(head)}.${encode({ ...CLAIMS, amount: 54 })}.${String(signature)}`;
    expect(await verifyReceipt(forged, JWKS)).toEqual({ result: "wrong_signature" });
  });

  it("says that another deployment wrote it", async () => {
    expect(await verifyReceipt(receiptOf(CLAIMS, { kid: "key-2" }), JWKS)).toEqual({
      result: "unknown_key",
      kid: "key-2",
    });
  });

  it.each([
    "",
    "x",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "***.***.***",
    receiptOf(CLAIMS, { alg: "none" }),
    receiptOf(CLAIMS, { typ: "JWT" }),
  ])("says that %j is no receipt", async (text) => {
    expect(await verifyReceipt(text, JWKS)).toEqual({ result: "malformed" });
  });

  it("says that this browser cannot check it", async () => {
    vi.stubGlobal("crypto", {
      subtle: { importKey: () => Promise.reject(new DOMException("unknown", "NotSupportedError")) },
    });
    expect(await verifyReceipt(receiptOf(CLAIMS), JWKS)).toEqual({ result: "unsupported" });
    vi.stubGlobal("crypto", {});
    expect(await verifyReceipt(receiptOf(CLAIMS), JWKS)).toEqual({ result: "unsupported" });
  });
});
