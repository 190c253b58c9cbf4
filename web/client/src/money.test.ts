import { describe, expect, it } from "vitest";
import { AMOUNT_MAX, formatAmount, parseAmount, toDecimal, toMinor } from "./money.ts";

describe("amounts of the API", () => {
  it("become integers exactly, up to the largest", () => {
    for (const text of ["0.01", "0.29", "1.15", "8.2", "55.00", "1234567.89", "9999999999.99", "4503599627.37"]) {
      const minor = BigInt(
        text.replace(/^(\d+)\.?(\d*)$/, (_, whole: string, part: string) => whole + part.padEnd(2, "0")),
      );
      expect(BigInt(toMinor(Number(text)))).toBe(minor);
    }
    expect(toMinor(9_999_999_999.99)).toBe(AMOUNT_MAX);
  });

  it("survive the way there and back for every cent around a power of ten", () => {
    for (let power = 1; power <= 1e11; power *= 10) {
      for (let minor = Math.max(1, power - 60); minor < power + 60; minor += 1) {
        expect(toMinor(Number(toDecimal(minor)))).toBe(minor);
      }
    }
  });

  it("are written with two decimals", () => {
    expect([1, 10, 100, 5500, AMOUNT_MAX].map(toDecimal)).toEqual(["0.01", "0.10", "1.00", "55.00", "9999999999.99"]);
  });
});

describe("parseAmount", () => {
  it.each([
    ["55", 5500],
    [" 55.5 ", 5550],
    ["55,50", 5550],
    ["0.01", 1],
    ["1,234.50", 123450],
    ["1.234,50", 123450],
    ["1 234,50", 123450],
    ["1\u202f234,50", 123450],
    ["1'234.50", 123450],
    ["1,234,567", 123456700],
    ["1.234.567,8", 123456780],
    ["9999999999.99", AMOUNT_MAX],
  ])("reads %j", (text, minor) => {
    expect(parseAmount(text)).toBe(minor);
  });

  it.each([
    "",
    " ",
    "0",
    "0.00",
    "-5",
    "+5",
    "5e1",
    "5.",
    ".5",
    "1,234",
    "1.234",
    "1.2.3",
    "12,34,567",
    "1.005",
    "x",
    "10000000000",
    "5 5",
    "$5",
  ])("refuses %j", (text) => {
    expect(parseAmount(text)).toBeNull();
  });
});

describe("formatAmount", () => {
  it("follows the locale and the currency", () => {
    expect(formatAmount(123450, "USD", "en-US")).toBe("$1,234.50");
    expect(formatAmount(123450, "USD", "de-DE").replace(/\s/g, " ")).toBe("1.234,50 $");
  });
});
