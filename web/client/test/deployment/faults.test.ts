import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import {
  toMinor,
  type ApiError,
  type Auction,
  type AuctionState,
  type Bid,
  type NetworkError,
  type PendingBid,
  type Rostrum,
} from "../../src/index.ts";
import {
  closeAll,
  freezeGatewayWorker,
  killGatewayWorker,
  newAuction,
  newUser,
  open,
  restart,
  view,
  waitFor,
  type View,
} from "./deployment.ts";

const BIDDERS = 4;
/** So many that both workers of the gateway have some. */
const WATCHERS = 12;
/** What strikes, one after another, with a pause in which bids go on. */
const FAULTS = [
  killGatewayWorker,
  killGatewayWorker,
  () => {
    restart("redis");
  },
  killGatewayWorker,
  () => {
    restart("gateway");
  },
];
const PAUSE_MS = 2_000;
/** A dead connection is noticed after 5 s without a message and 1.5 s without a pong; a slow machine adds to it. */
const LIVE_LAG_MAX_MS = 12_000;

afterEach(closeAll);

/** A bid that was meant once, whatever was sent for it. */
interface Meant {
  readonly amount: number;
  readonly result: Bid | PendingBid;
}

/** A price that the server has confirmed, and when. */
interface Confirmed {
  readonly amount: number;
  readonly at: number;
}

/** Bids again and again: what is seen plus a step, with the key of what is seen. Asks again until the outcome is known. */
async function duel(
  bidder: Rostrum,
  seen: View,
  step: number,
  going: () => boolean,
  confirmed: Confirmed[],
): Promise<Meant[]> {
  const meant: Meant[] = [];
  while (going()) {
    const { id, version, minimumBid } = seen.state();
    const amount = minimumBid + step;
    const send = (): Promise<Bid | PendingBid> => bidder.bid(id, amount, { version, wait: 10 });
    // A double click: both have the same key, so they are one bid.
    const results = await Promise.all([untilKnown(send, going), untilKnown(send, going)]);
    const [first, second] = results;
    if (first !== null && second !== null) expect(first.bidId).toBe(second.bidId);
    const result = first ?? second;
    if (result !== null) {
      if (result.status === "accepted") confirmed.push({ amount, at: performance.now() });
      meant.push({ amount, result });
    }
    await pause(100);
  }
  return meant;
}

/** The result, or null if it was refused. An unknown outcome is asked for again: with the same key that is safe. */
async function untilKnown(
  send: () => Promise<Bid | PendingBid>,
  going: () => boolean,
): Promise<Bid | PendingBid | null> {
  for (let tries = 0; ; tries += 1) {
    try {
      const result = await send();
      if (result.status !== "pending") return result;
    } catch (error) {
      const { code, outcomeUnknown } = error as Partial<ApiError & NetworkError>;
      if (code === "BID_TOO_LOW") return null;
      if (outcomeUnknown !== true && code !== "UNAVAILABLE" && code !== "IDEMPOTENCY_KEY_IN_USE") throw error;
    }
    if (tries > 20 && !going()) throw new Error("the outcome of a bid stays unknown");
    await pause(200);
  }
}

/** Notes a state that was shown as live although the server had confirmed a higher price long before. */
function inspect(views: readonly View[], confirmed: readonly Confirmed[], wrong: string[]): void {
  const known = confirmed.filter((each) => each.at < performance.now() - LIVE_LAG_MAX_MS);
  const price = Math.max(0, ...known.map((each) => each.amount));
  for (const each of views) {
    const { freshness, currentBid, version } = each.state();
    if (freshness === "live" && (currentBid ?? 0) < price)
      wrong.push(`version ${String(version)}: ${String(currentBid)} below ${String(price)}`);
  }
}

/** The price of each version is the same for everyone, and versions only rise. */
function expectOneHistory(views: readonly View[]): void {
  const prices = new Map<number, AuctionState["currentBid"]>();
  for (const { states } of views) {
    let newest = 0;
    for (const { version, currentBid } of states) {
      expect(version).toBeGreaterThanOrEqual(newest);
      newest = version;
      expect(currentBid).toBe(prices.has(version) ? prices.get(version) : currentBid);
      prices.set(version, currentBid);
    }
  }
}

/** All bids of the public history, by bidder. */
async function countBids(rostrum: Rostrum, id: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = { limit: 100, ...(cursor === null ? {} : { cursor }) };
    const page = await rostrum.get("/api/v1/auctions/{id}/bids", { params: { path: { id }, query } });
    for (const { bidder, isProxyBid } of page.items) if (!isProxyBid) counts.set(bidder, (counts.get(bidder) ?? 0) + 1);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return counts;
}

it("killed gateway workers and a restarted Redis double no bid, show no wrong price as live, and clients converge", async () => {
  const id = await newAuction({ bidIncrement: "0.50" });
  const bidders = await Promise.all(Array.from({ length: BIDDERS }, (_, index) => newUser(`Bidder ${String(index)}`)));
  const views = [...bidders, open(), open()].map((each) => view(each, id));
  await Promise.all(views.map((each) => each.until((state) => state.freshness === "live")));
  const confirmed: Confirmed[] = [];
  const wrong: string[] = [];
  let going = true;
  const sampler = setInterval(() => {
    inspect(views, confirmed, wrong);
  }, 100);
  const duels = bidders.map((each, index) =>
    duel(each, views[index] ?? view(each, id), index * 25, () => going, confirmed),
  );
  for (const strike of FAULTS) {
    await pause(PAUSE_MS);
    strike();
  }
  await pause(PAUSE_MS);
  going = false;
  const meant = await Promise.all(duels);
  clearInterval(sampler);

  const auction: Auction = await open().get("/api/v1/auctions/{id}", { params: { path: { id } } });
  const price = auction.currentBid === null ? null : toMinor(auction.currentBid);
  for (const each of views) {
    const state = await each.until(({ version, freshness }) => version >= auction.version && freshness === "live");
    expect(state).toMatchObject({
      version: auction.version,
      currentBid: price,
      bidCount: auction.bidCount,
      minimumBid: toMinor(auction.minimumBid),
    });
  }
  expect(wrong).toEqual([]);
  expectOneHistory(views);
  const counts = await countBids(open(), id);
  for (const [index, own] of meant.entries()) {
    const counted = own.filter(({ result }) => result.status === "accepted" || result.status === "outbid");
    await waitFor(() => (views[index]?.state().you ?? null) !== null);
    expect(counts.get(views[index]?.state().you?.pseudonym ?? "") ?? 0).toBe(
      new Set(counted.map(({ result }) => result.bidId)).size,
    );
    expect(own.length).toBeGreaterThan(0);
  }
  const states = views.reduce((sum, each) => sum + each.states.length, 0);
  process.stdout.write(`${String(auction.bidCount)} bids, ${String(states)} states\n`);
});

it("states on the silent connections of a frozen gateway worker become stale within seconds, and live again", async () => {
  const id = await newAuction();
  const views = Array.from({ length: WATCHERS }, () => view(open(), id));
  await Promise.all(views.map((each) => each.until((state) => state.freshness === "live")));
  const thaw = freezeGatewayWorker();
  const began = performance.now();
  try {
    await waitFor(() => views.some((each) => each.state().freshness === "stale"));
    expect(performance.now() - began).toBeLessThan(LIVE_LAG_MAX_MS);
  } finally {
    thaw();
  }
  await Promise.all(views.map((each) => each.until((state) => state.freshness === "live")));
});
