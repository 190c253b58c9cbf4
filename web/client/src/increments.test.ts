import { describe, expect, it } from "vitest";
import { incrementAt, nextAmounts, readIncrements, type Increments } from "./increments.ts";
import { AMOUNT_MAX } from "./money.ts";
import type { IncrementTable } from "./types.ts";

function increments(incrementTable: IncrementTable): Increments {
  const read = readIncrements({ incrementTable });
  if (read === null) throw new Error("unknown table");
  return read;
}

describe("increments", () => {
  it("are fixed", () => {
    const fixed = readIncrements({ bidIncrement: 2.5 });
    expect(nextAmounts({ minimumBid: 1000, increments: fixed }, 4)).toEqual([1000, 1250, 1500, 1750]);
  });

  it("follow eBay's table", () => {
    const table = increments("ebay-us");
    expect([0, 99, 100, 499, 500, 2499, 2500, 499_999, 500_000].map((price) => incrementAt(table, price))).toEqual([
      5, 5, 25, 25, 50, 50, 100, 5000, 10000,
    ]);
  });

  it("follow steps, rungs and percentages", () => {
    const steps = increments([
      { from: 0, increment: 1 },
      { from: 10, increment: 5 },
    ]);
    expect(nextAmounts({ minimumBid: 900, increments: steps }, 4)).toEqual([900, 1000, 1500, 2000]);
    const rungs = increments([10, 20, 50]);
    expect(nextAmounts({ minimumBid: 1000, increments: rungs }, 5)).toEqual([1000, 2000, 5000, 8000, 11000]);
    expect(incrementAt(rungs, 1500)).toBe(500);
    expect(incrementAt(rungs, 5100)).toBe(2900);
    const percent = increments({ percent: 10, minimum: 1 });
    expect([500, 1001, 2000].map((price) => incrementAt(percent, price))).toEqual([100, 101, 200]);
    expect(incrementAt(increments({ percent: 100, minimum: 1 }), AMOUNT_MAX)).toBe(AMOUNT_MAX);
  });

  it("end at the largest amount", () => {
    const fixed = readIncrements({ bidIncrement: 1 });
    expect(nextAmounts({ minimumBid: AMOUNT_MAX - 100, increments: fixed }, 5)).toHaveLength(2);
  });

  it("offer the minimum alone while they are unknown", () => {
    expect(readIncrements({ incrementTable: "of-tomorrow" })).toBeNull();
    expect(nextAmounts({ minimumBid: 700, increments: null }, 3)).toEqual([700]);
  });
});
