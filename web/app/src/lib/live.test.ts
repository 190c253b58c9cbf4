/** The states that components read. */
import { expect, test, vi } from "vitest";
import { makeStore } from "./live";

vi.mock("./rostrum", () => ({ rostrum: {} }));

test("what nobody watches any more is stale until it is watched and told of again", () => {
  let tell: (state: { price: number; freshness: "live" | "stale" }) => void = () => undefined;
  const stopped = vi.fn();
  const store = makeStore<Parameters<typeof tell>[0]>((listener) => {
    tell = listener;
    return stopped;
  });
  const stop = store.subscribe(() => undefined);
  tell({ price: 10, freshness: "live" });
  expect(store.read()).toEqual({ price: 10, freshness: "live" });
  stop();
  expect(stopped).toHaveBeenCalledOnce();
  expect(store.read()).toEqual({ price: 10, freshness: "stale" });
  expect(store.read()).toBe(store.read());
  store.subscribe(() => undefined);
  expect(store.read()).toEqual({ price: 10, freshness: "stale" });
  tell({ price: 12, freshness: "live" });
  expect(store.read()).toEqual({ price: 12, freshness: "live" });
});
