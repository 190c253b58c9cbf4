/** The receipts that a browser keeps. */
import { expect, test, vi } from "vitest";
import { keepReceipt, keptReceipts } from "./receipts";

test("a receipt that cannot be kept does not make the bid a failed one", () => {
  vi.stubGlobal("localStorage", {
    getItem: () => '["first"]',
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  expect(() => keepReceipt("second")).not.toThrow();
  expect(keptReceipts()).toEqual(["first"]);
});
