/** Visitors may block what a browser keeps for pages. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dropIntent, keepIntent, keptIntent } from "../features/auction/intent";
import { keepReceipt, keptReceipts } from "./receipts";
import { activateLanguage, preferredLanguage } from "./text";

const STORAGES = ["localStorage", "sessionStorage"];
const before = STORAGES.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));

beforeEach(() => {
  vi.resetModules();
  for (const name of STORAGES) {
    const get = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    Object.defineProperty(globalThis, name, { get, configurable: true });
  }
  vi.stubGlobal("document", { documentElement: { lang: "", dataset: {} } });
});
afterEach(() => {
  vi.unstubAllGlobals();
  STORAGES.forEach((name, index) => Object.defineProperty(globalThis, name, before[index] ?? { value: undefined }));
});

test("pages whose storage is blocked have a language and a theme, and let them be chosen", async () => {
  expect(preferredLanguage()).toBe("en");
  await activateLanguage("de", true);
  expect(document.documentElement.lang).toBe("de");
  const { showStoredTheme, useTheme } = await import("./theme");
  showStoredTheme();
  expect(useTheme.getState().theme).toBe("system");
  useTheme.getState().setTheme("dark");
  expect(document.documentElement.dataset.theme).toBe("dark");
});

test("a bid is placed without the storage that keeps it over a reload", () => {
  const intent = { by: "ann", kind: "bid", amount: 1000, version: 1, at: 0 } as const;
  keepIntent("lamp", intent);
  expect(keptIntent("lamp", "ann", 1)).toBeNull();
  dropIntent("lamp");
  keepReceipt("receipt");
  expect(keptReceipts()).toEqual([]);
});
