import { describe, expect, it, vi } from "vitest";
import { AUCTION, body, result, SALE, sale, snapshot, update } from "../../test/examples.ts";
import { pass } from "../../test/fake-server.ts";
import { idOf, rostrum, server, state, states, statuses, useClient, watch } from "../../test/watching.ts";
import type { ApiError, AuctionState, SaleState } from "../index.ts";
import { PONG_DEADLINE_MS, SUSPECT_MS } from "./connection.ts";
import { POLL_MS } from "./fallback.ts";
import { RESTORE_CONFIRM_MS } from "./intake.ts";
import type { LiveHub } from "./live.ts";
import { SENDS_MAX, SUBSCRIPTIONS_MAX } from "./subscriptions.ts";
import { LINGER_MS, WATCHED_MAX } from "./watch-list.ts";

describe("watching over the socket", () => {
  it("begins with a snapshot, and follows", async () => {
    watch();
    await pass(100);
    expect(state()).toMatchObject({ version: 5, freshness: "live", increments: { form: "steps" } });
    server.socket.receive(update(6));
    expect(state()).toMatchObject({ version: 6, currentBid: 1600, freshness: "live" });
    expect(statuses).toEqual(["connecting", "live"]);
    expect(server.sockets).toHaveLength(1);
  });

  it("opens nothing before somebody watches, and closes after the last has left", async () => {
    await pass(5000);
    expect(server.sockets).toHaveLength(0);
    const [first, second] = [watch(), watch()];
    await pass(100);
    first();
    await pass(2 * LINGER_MS + 100);
    expect(server.socket.commands("unsubscribe")).toHaveLength(0);
    second();
    watch()(); // left and watched again at once
    await pass(2 * LINGER_MS + 100);
    expect(server.socket.closed).toBe(true);
    expect(server.sockets).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(1); // the clock's
  });

  it("goes on for a later watcher when an earlier one stops twice", async () => {
    const stop = watch();
    await pass(100);
    stop();
    await pass(2 * LINGER_MS + 100);
    watch();
    stop();
    await pass(2 * LINGER_MS + 100);
    server.socket.receive(update(6));
    expect(state()).toMatchObject({ version: 6, freshness: "live" });
  });

  it("gives a second watcher the present state at once", async () => {
    watch();
    await pass(100);
    const seen: AuctionState[] = [];
    rostrum.live.watchAuction(AUCTION, (each) => seen.push(each));
    expect(seen).toHaveLength(1);
    expect(server.socket.commands("subscribe")).toHaveLength(1);
  });

  it("asks for a snapshot after a gap", async () => {
    watch();
    await pass(2000);
    server.version = 9;
    server.socket.receive(update(8));
    expect(state()).toMatchObject({ version: 8, gap: true, currentBid: 1800 });
    await pass(50);
    expect(server.socket.commands("subscribe")).toHaveLength(2);
    expect(state()).toMatchObject({ version: 9, gap: false });
  });

  it("asks again until it has one, and not while others are under way", async () => {
    watch();
    await pass(2000);
    server.answers.set("subscribe", null); // lost
    for (const seq of [8, 10, 12]) server.socket.receive(update(seq));
    await pass(RESTORE_CONFIRM_MS - 100);
    expect(server.socket.commands("subscribe")).toHaveLength(2);
    server.answers.delete("subscribe");
    server.version = 12;
    await pass(RESTORE_CONFIRM_MS);
    expect(state()).toMatchObject({ version: 12, gap: false });
    await pass(5 * RESTORE_CONFIRM_MS);
    expect(server.socket.commands("subscribe")).toHaveLength(3);
  });

  it("is offline as soon as the browser says so, and live after the next answer", async () => {
    watch();
    await pass(100);
    vi.stubGlobal("navigator", { onLine: false });
    (rostrum.live as unknown as Pick<LiveHub, "check">).check();
    expect(rostrum.live.status()).toBe("offline");
    expect(state().freshness).toBe("stale");
    vi.unstubAllGlobals();
    await pass(50);
    expect(rostrum.live.status()).toBe("live");
    expect(state().freshness).toBe("live");
  });

  it("reads terms and the own view again after a snapshot that it did not ask for", async () => {
    watch();
    await pass(2000);
    const before = server.requests.length;
    server.version = 7;
    server.socket.receive(snapshot(7));
    await pass(1500);
    expect(server.requests.slice(before)).toEqual([`/api/v1/auctions/${AUCTION}`]);
  });

  it("tells who watches something unknown", async () => {
    const failed = vi.fn<(error: ApiError) => void>();
    server.answers.set("subscribe", ({ id }) => ({ type: "error", id, error: "NOT_FOUND", message: "none" }));
    rostrum.live.watchAuction("missing", (each) => states.push(each), { onError: failed });
    await pass(10_000);
    expect(failed.mock.calls[0]?.[0]).toMatchObject({ code: "NOT_FOUND" });
    expect(states).toHaveLength(0);
    expect(server.socket.commands("subscribe")).toHaveLength(1);
  });

  it("asks again for something unknown when somebody else watches it, or another user is logged in", async () => {
    server.answers.set("subscribe", ({ id }) => ({ type: "error", id, error: "NOT_FOUND", message: "none" }));
    server.rest = false;
    watch();
    await pass(1000);
    expect(server.socket.commands("subscribe")).toHaveLength(1);
    watch();
    await pass(1000);
    expect(server.socket.commands("subscribe")).toHaveLength(2);
    server.answers.delete("subscribe");
    rostrum.live.reconnect();
    await pass(1000);
    expect(state()).toMatchObject({ version: 5, freshness: "live" });
  });

  it("subscribes again after a refusal or the end of a subscription", async () => {
    watch();
    await pass(100);
    server.socket.receive({ type: "error", auctionId: AUCTION, error: "UNAVAILABLE", message: "later" });
    expect(state().freshness).toBe("stale");
    await pass(6000);
    expect(server.socket.commands("subscribe")).toHaveLength(2);
    expect(state().freshness).toBe("live");
  });

  it("gives bodies that the page reads to the state, and messages to the user", async () => {
    const told: unknown[] = [];
    rostrum.live.onUser((each) => told.push(each.type));
    watch();
    await pass(100);
    server.version = 6;
    await Promise.all([rostrum.get("/api/v1/auctions/{id}", { params: { path: { id: AUCTION } } }), pass(100)]);
    expect(state()).toMatchObject({ version: 6, freshness: "live" });
    server.socket.receive(result(6));
    server.socket.receive({ type: "of-tomorrow", auctionId: AUCTION });
    expect(told).toEqual(["bid_result"]);
  });
});

describe("a snapshot that is older than the state", () => {
  it("may come from a gateway that lags behind: the state stays, and is stale until the stream has caught up", async () => {
    watch();
    await pass(100);
    server.socket.end();
    server.version = 3;
    await pass(600);
    expect(state()).toMatchObject({ version: 5, currentBid: 1500, freshness: "stale" });
    server.socket.receive(update(4));
    expect(state()).toMatchObject({ version: 5, freshness: "stale" });
    server.socket.receive(update(5));
    server.socket.receive(update(6));
    expect(state()).toMatchObject({ version: 6, freshness: "live", gap: false });
    await pass(2 * RESTORE_CONFIRM_MS);
    expect(server.socket.commands("subscribe")).toHaveLength(1);
  });

  it("is believed if it stays older: the database was restored", async () => {
    watch();
    await pass(100);
    server.version = 3;
    server.socket.receive(snapshot(3));
    expect(state()).toMatchObject({ version: 5, freshness: "stale" });
    await pass(RESTORE_CONFIRM_MS + 100);
    expect(state()).toMatchObject({ version: 3, currentBid: 1300, freshness: "live" });
  });
});

describe("a connection", () => {
  it("that breaks is opened again, and everything subscribed", async () => {
    watch();
    rostrum.live.watchSale(SALE, () => undefined);
    await pass(100);
    server.socket.end();
    expect(state().freshness).toBe("stale");
    server.version = 9;
    await pass(1000);
    expect(server.sockets).toHaveLength(2);
    expect(state()).toMatchObject({ version: 9, freshness: "live" });
    expect(server.socket.commands("inventory:watch")).toHaveLength(1);
  });

  it("that is dead is noticed within seconds, and its states are stale before that", async () => {
    watch();
    await pass(100);
    server.pongs = false;
    await pass(5000 + SUSPECT_MS + 1000);
    expect(state().freshness).toBe("stale");
    expect(rostrum.live.status()).toBe("connecting");
    await pass(PONG_DEADLINE_MS - SUSPECT_MS);
    expect(server.sockets).toHaveLength(2);
    expect(server.sockets[0]?.closed).toBe(true);
  });

  it("is looked at more often when an auction is about to end", async () => {
    vi.setSystemTime("2026-05-01T13:59:30Z");
    watch();
    await pass(10_000);
    expect(server.socket.commands("ping").length).toBeGreaterThanOrEqual(4);
  });

  it("obeys the time in `reconnect in N ms`", async () => {
    watch();
    await pass(100);
    server.socket.end(1001, "reconnect in 2300 ms");
    await pass(2250);
    expect(server.sockets).toHaveLength(1);
    await pass(100);
    expect(server.sockets).toHaveLength(2);
  });

  it("is tried with growing pauses", async () => {
    server.opens = false;
    watch();
    await pass(60_000);
    const [minute, before] = [server.sockets.length, server.sockets.length];
    expect(minute).toBeGreaterThan(6);
    expect(minute).toBeLessThan(16);
    await pass(60_000);
    expect(server.sockets.length - before).toBeLessThan(9);
  });

  it("measures the clock by its pings", async () => {
    server.rest = false;
    watch();
    await pass(100);
    expect(rostrum.clock.errorMs()).toBeLessThan(10);
    expect(Math.abs(rostrum.clock.now() - Date.now())).toBeLessThan(10);
  });

  it("is checked at once after a sleep", async () => {
    watch();
    await pass(100);
    vi.setSystemTime(Date.now() + 3_600_000); // performance.now stood still
    await pass(1500);
    expect(server.socket.commands("ping").length).toBeGreaterThanOrEqual(2);
  });

  it("authenticates by the token, and by another one when that has expired", async () => {
    const token = vi.fn((refused?: string) => (refused === undefined ? "old" : "new"));
    rostrum.close();
    useClient({ token });
    const ended = vi.fn();
    rostrum.live.onSessionEnded(ended);
    watch();
    await pass(100);
    expect(server.socket.sent.slice(0, 2)).toMatchObject([{ type: "auth", token: "old" }, { type: "subscribe" }]);
    server.socket.end(4001);
    await pass(1000);
    expect(server.socket.commands("auth")).toMatchObject([{ token: "new" }]);
    expect(ended).toHaveBeenCalledOnce();
    expect(state().freshness).toBe("live");
    server.socket.end(1008);
    expect(ended).toHaveBeenCalledTimes(2);
  });

  it("is a guest's after the token was refused", async () => {
    rostrum.close();
    useClient({ token: "wrong" });
    server.answers.set("auth", ({ id }) => ({ type: "error", id, error: "UNAUTHORIZED", message: "no" }));
    watch();
    await pass(100);
    expect(state().freshness).toBe("live");
  });

  it("is opened anew for another user, whose view is not the old one", async () => {
    watch();
    await pass(100);
    const you = { state: "leading", pseudonym: "Bidder-ME", myHighestBid: 15, myMaximum: null, watching: false };
    server.socket.receive(snapshot(5, { you, id: 9 }));
    expect(state().you).not.toBeNull();
    rostrum.live.reconnect();
    expect(state()).toMatchObject({ you: null, freshness: "stale" });
    await pass(100);
    expect(server.sockets).toHaveLength(2);
    expect(state().freshness).toBe("live");
  });
});

describe("many at a time", () => {
  it("share a hundred places, the newest first; the others are polled and never live", async () => {
    const seen = new Map<string, AuctionState>();
    for (let number = 0; number < SUBSCRIPTIONS_MAX + 5; number += 1) {
      rostrum.live.watchAuction(idOf(number), (each) => seen.set(each.id, each), { visible: () => number !== 104 });
    }
    await pass(4 * POLL_MS);
    const live = [...seen.values()].filter((each) => each.freshness === "live").map((each) => each.id);
    expect(seen.size).toBe(105);
    expect(live).toHaveLength(SUBSCRIPTIONS_MAX);
    expect(live).not.toContain(idOf(104)); // the newest, but not on the screen
    expect(live).not.toContain(idOf(0));
    server.version = 8;
    await pass(2 * POLL_MS);
    expect(seen.get(idOf(0))).toMatchObject({ version: 8, freshness: "stale" });
  });

  it("are stale from the loss of their place until the snapshot of the next one", async () => {
    watch();
    await pass(100);
    const stops = Array.from({ length: SUBSCRIPTIONS_MAX }, (_, number) =>
      rostrum.live.watchAuction(idOf(number), () => undefined),
    );
    await pass(100);
    expect(server.socket.commands("unsubscribe")).toMatchObject([{ auctionId: AUCTION }]);
    expect(state().freshness).toBe("stale");
    server.answers.set("subscribe", null); // it comes later
    stops[0]?.();
    await pass(LINGER_MS + 100);
    expect(server.socket.commands("subscribe").at(-1)).toMatchObject({ auctionId: AUCTION });
    expect(state().freshness).toBe("stale");
    server.version = 6;
    server.socket.receive(snapshot(6, { id: 102 }));
    expect(state()).toMatchObject({ version: 6, freshness: "live" });
  });

  it("are subscribed below the server's limit of commands", async () => {
    for (let round = 0; round < 4; round += 1) {
      const stops = Array.from({ length: 90 }, (_, number) => watch(`${String(round)}-${String(number)}`));
      await pass(100);
      for (const each of stops) each();
      await pass(LINGER_MS + 10);
    }
    expect(server.socket.sent.length).toBeLessThanOrEqual(SENDS_MAX + 5);
    watch();
    await pass(15_000);
    expect(state()).toMatchObject({ id: AUCTION, freshness: "live" });
  });

  it("are bounded", () => {
    for (let number = 0; number < WATCHED_MAX; number += 1) watch(idOf(number));
    expect(() => watch("one too many")).toThrow(RangeError);
    expect(() => watch(idOf(7))).not.toThrow();
  });

  it("have fewer places if the server says so", async () => {
    server.answers.set("subscribe", ({ id, auctionId }) =>
      Number(id) <= 2
        ? snapshot(5, { id: Number(id), auctionId: String(auctionId) })
        : { type: "error", id, error: "TOO_MANY_SUBSCRIPTIONS", max: 2 },
    );
    for (let number = 0; number < 4; number += 1) watch(idOf(number));
    await pass(20_000);
    const newest = new Map(states.map((each) => [each.id, each]));
    expect([...newest.values()].filter((each) => each.freshness === "live")).toHaveLength(2);
    expect(newest.size).toBe(4);
  });
});

describe("watching a sale", () => {
  it("follows the newest version and the own place", async () => {
    const seen: SaleState[] = [];
    server.answers.set("inventory:watch", ({ id }) => ({ ...sale(5), id }));
    rostrum.live.watchSale(SALE, (each) => seen.push(each));
    await pass(100);
    expect(seen.at(-1)).toMatchObject({ version: 5, freshness: "live", terms: { flashPrice: 1990 } });
    server.socket.receive(sale(9));
    server.socket.receive(sale(9, { type: "sale:status-change" } as never));
    server.socket.receive({
      type: "queue:position-update",
      flashSaleId: SALE,
      version: 9,
      position: 3,
      status: "waiting",
      waiting: 9,
      turnExpiresAt: null,
    });
    expect(seen.at(-1)).toMatchObject({ version: 9, sold: 9, waiting: 9, you: { position: 3 } });
    expect(body(1).id).toBe(AUCTION);
  });
});
