/** How many units a visitor wants. */
import { beforeEach, expect, test, vi } from "vitest";
import { firstQuantity, keepWanted, readQuantity } from "./quantity";

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
  });
});

test("only a whole number within the limits is a quantity", () => {
  expect(["1", " 12 ", "20"].map((text) => readQuantity(text, 20))).toEqual([1, 12, 20]);
  expect(["", "0", "21", "1.5", "1,5", "-1", "1e1", "two"].map((text) => readQuantity(text, 20))).toEqual(
    Array.from({ length: 8 }, () => null),
  );
});

test("a turn begins with what was joined for, but not with more than is set aside", () => {
  expect(firstQuantity("radio", 5, 5)).toBe(1);
  keepWanted("radio", 3);
  expect(firstQuantity("radio", 5, 5)).toBe(3);
  expect(firstQuantity("radio", 2, 5)).toBe(2);
  expect(firstQuantity("radio", 0, 5)).toBe(1);
  expect(firstQuantity("lamp", 5, 5)).toBe(1);
});
