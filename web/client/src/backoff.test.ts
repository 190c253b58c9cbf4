import { describe, expect, it } from "vitest";
import { backoffMs, RECONNECT_BACKOFF, REQUEST_BACKOFF, sleep } from "./backoff.ts";

describe("backoffMs", () => {
  it("doubles up to its bound, and spreads over the upper half", () => {
    for (const bounds of [REQUEST_BACKOFF, RECONNECT_BACKOFF]) {
      for (let tries = 1; tries < 40; tries += 1) {
        const whole = Math.min(bounds.capMs, bounds.baseMs * 2 ** (tries - 1));
        expect(backoffMs(tries, bounds, () => 0)).toBe(whole / 2);
        expect(backoffMs(tries, bounds, () => 1)).toBe(whole);
      }
    }
  });
});

describe("sleep", () => {
  it("ends with its signal", async () => {
    const stop = new AbortController();
    const slept = sleep(60_000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(slept).rejects.toThrow("enough");
    await expect(sleep(60_000, stop.signal)).rejects.toThrow("enough");
  });
});
