/** What is sent again after a reload. */
import { beforeEach, expect, test, vi } from "vitest";
import { dropIntent, keepIntent, keptIntent, type Intent } from "./intent";

const INTENT: Intent = { by: "ann", kind: "bid", amount: 1000, version: 7, at: 50_000 };

beforeEach(() => {
  const stored = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  });
});

test("an intent without an answer is kept for its auction, for two minutes", () => {
  keepIntent("lamp", INTENT);
  expect(keptIntent("lamp", "ann", 60_000)).toEqual(INTENT);
  expect(keptIntent("chair", "ann", 60_000)).toBeNull();
  expect(keptIntent("lamp", "ann", 170_000)).toBeNull();
  dropIntent("lamp");
  expect(keptIntent("lamp", "ann", 60_000)).toBeNull();
});

test("nobody places the bid of another who used this tab", () => {
  keepIntent("lamp", INTENT);
  expect(keptIntent("lamp", "ben", 60_000)).toBeNull();
});

test("what these pages have not written is no intent", () => {
  for (const text of ["{", "7", '{"by":"ann","kind":"bid"}', JSON.stringify({ ...INTENT, kind: "gift" })]) {
    sessionStorage.setItem("rostrum.intent.lamp", text);
    expect(keptIntent("lamp", "ann", 60_000)).toBeNull();
  }
});
