// The state of tests of live watches: a server in memory, a client, and what its watchers were given. Each test begins
// anew, with timers and clocks that the test moves. Imported by src/live/*.test.ts.
import { afterEach, beforeEach, vi } from "vitest";
import type { AuctionState, LiveStatus, Rostrum } from "../src/index.ts";
import { AUCTION } from "./examples.ts";
import { FakeServer } from "./fake-server.ts";

export let server: FakeServer;
export let rostrum: Rostrum;
export let states: AuctionState[];
export let statuses: LiveStatus[];

/** The newest state that the watcher was given. */
export function state(): AuctionState {
  const newest = states.at(-1);
  if (newest === undefined) throw new Error("no state");
  return newest;
}

/** Goes on with a client that has these options. */
export function useClient(options: Parameters<FakeServer["rostrum"]>[0]): void {
  rostrum = server.rostrum(options);
}

export function watch(id = AUCTION): () => void {
  return rostrum.live.watchAuction(id, (each) => states.push(each));
}

export function idOf(number: number): string {
  return `auction-${String(number)}`;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  vi.setSystemTime("2026-05-01T13:30:15Z"); // half an hour before the end of the auction in the examples
  server = new FakeServer();
  rostrum = server.rostrum();
  states = [];
  statuses = [];
  rostrum.live.onStatus((each) => statuses.push(each));
});

afterEach(() => {
  rostrum.close();
  vi.useRealTimers();
});
