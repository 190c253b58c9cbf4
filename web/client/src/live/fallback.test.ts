import { beforeEach, describe, expect, it } from "vitest";
import { SALE, sale, snapshot, update } from "../../test/examples.ts";
import { pass } from "../../test/fake-server.ts";
import { idOf, rostrum, server, state, states, statuses, useClient, watch } from "../../test/watching.ts";
import type { SaleState } from "../index.ts";
import { POLL_MS, REOPEN_MS, STREAMS_MAX } from "./fallback.ts";
import { FALLBACK_AFTER_MS, type LiveHub } from "./live.ts";

describe("without the socket", () => {
  beforeEach(() => {
    server.opens = false;
  });

  it("goes on by Server-Sent Events, which are live while polls succeed", async () => {
    watch();
    await pass(FALLBACK_AFTER_MS + 500);
    server.streams[0]?.receive(snapshot(6));
    expect(state()).toMatchObject({ version: 6, freshness: "live" });
    expect(rostrum.live.status()).toBe("fallback");
    server.streams[0]?.receive(update(7));
    expect(state()).toMatchObject({ version: 7, freshness: "live" });
    server.streams[0]?.fail();
    expect(state().freshness).toBe("stale");
    await pass(2 * REOPEN_MS);
    expect(server.streams).toHaveLength(2);
    expect(server.streams[0]?.readyState).toBe(2);
    server.streams[0]?.receive(update(8)); // too late
    expect(state().version).toBe(7);
    server.streams[1]?.receive(snapshot(7)); // nothing has changed, and that is known now
    expect(state()).toMatchObject({ version: 7, freshness: "live" });
    server.rest = false;
    await pass(2 * POLL_MS);
    expect(state().freshness).toBe("stale");
    expect(rostrum.live.status()).toBe("offline");
  });

  it("opens the streams anew when the page comes back: those before may be dead without a sign", async () => {
    watch();
    await pass(FALLBACK_AFTER_MS + 500);
    server.streams[0]?.receive(snapshot(6));
    expect(state().freshness).toBe("live");
    (rostrum.live as unknown as Pick<LiveHub, "check">).check();
    expect(state().freshness).toBe("stale");
    expect(server.streams.map((each) => each.readyState)).toEqual([2, 1]);
    server.streams[1]?.receive(snapshot(6));
    expect(state().freshness).toBe("live");
  });

  it("has few streams, and polls the rest, which is stale", async () => {
    for (let number = 0; number < 10; number += 1) watch(idOf(number));
    await pass(FALLBACK_AFTER_MS + 500);
    expect(server.streams).toHaveLength(STREAMS_MAX);
    const before = states.length;
    server.version = 9;
    await pass(1.5 * POLL_MS);
    const polled = states.slice(before);
    expect(polled).toHaveLength(10);
    expect(polled.every((each) => each.version === 9 && each.freshness === "stale")).toBe(true);
  });

  it("polls if there are no event streams, and returns to the socket", async () => {
    watch();
    await pass(FALLBACK_AFTER_MS + 500);
    expect(statuses.at(-1)).toBe("fallback");
    server.opens = true;
    server.version = 12;
    await pass(40_000);
    expect(statuses.at(-1)).toBe("live");
    expect(state()).toMatchObject({ version: 12, freshness: "live" });
    expect(server.streams.every((each) => each.readyState === 2)).toBe(true);
    const before = server.requests.length;
    await pass(30_000);
    expect(server.requests.length).toBe(before); // nothing is polled any more
  });

  it("follows a sale by its event stream", async () => {
    const seen: SaleState[] = [];
    rostrum.live.watchSale(SALE, (each) => seen.push(each));
    await pass(FALLBACK_AFTER_MS + 500);
    expect(server.streams[0]?.url).toBe(`http://rostrum.test/api/v1/flash-sales/${SALE}/events`);
    server.streams[0]?.receive(sale(6));
    expect(seen.at(-1)).toMatchObject({ version: 6, freshness: "live" });
    server.streams[0]?.fail();
    expect(seen.at(-1)?.freshness).toBe("stale");
  });

  it("opens failed streams anew without haste", async () => {
    for (let number = 0; number < 3; number += 1) watch(idOf(number));
    await pass(FALLBACK_AFTER_MS + 500);
    for (let round = 0; round < 20; round += 1) {
      for (const each of server.streams) each.fail();
      await pass(500);
    }
    expect(server.streams.length).toBeLessThanOrEqual(3 + (10_000 / REOPEN_MS) * 3);
    await pass(3 * REOPEN_MS);
    expect(server.streams.filter((each) => each.readyState === 1)).toHaveLength(3);
  });

  it("works where there is no WebSocket at all", async () => {
    rostrum.close();
    useClient({ WebSocket: undefined as never });
    watch();
    await pass(100);
    expect(state()).toMatchObject({ version: 5, freshness: "stale" });
  });
});
