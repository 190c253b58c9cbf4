import { afterEach, describe, expect, it, vi } from "vitest";
import { bidKey, hashKey, randomKey } from "./keys.ts";

const AUCTION = "018f3a5e-7c00-7000-8000-00000000a001";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("bidKey", () => {
  it("depends on auction, amount and version alone, and fits into 64 characters", async () => {
    const key = await bidKey(AUCTION, 5500, 9);
    expect(await bidKey(AUCTION, 5500, 9)).toBe(key);
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const others = [
      bidKey(AUCTION, 5501, 9),
      bidKey(AUCTION, 5500, 10),
      bidKey(AUCTION.replace("a001", "a002"), 5500, 9),
    ];
    expect(new Set([key, ...(await Promise.all(others))]).size).toBe(4);
  });

  it("keeps the parts apart", async () => {
    expect(await bidKey(AUCTION, 55, 19)).not.toBe(await bidKey(AUCTION, 551, 9));
    expect(await hashKey("buy", AUCTION, 1)).not.toBe(await hashKey("bid", AUCTION, 1));
  });

  it("needs no TLS", async () => {
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    const key = await hashKey("maximum", AUCTION, 999_999_999_999, Number.MAX_SAFE_INTEGER);
    expect(key.length).toBeLessThanOrEqual(64);
    expect(key).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(await bidKey(AUCTION, 55, 19)).not.toBe(await bidKey(AUCTION, 551, 9));
  });
});

describe("randomKey", () => {
  it("differs each time", () => {
    expect(new Set(Array.from({ length: 100 }, randomKey)).size).toBe(100);
  });
});
