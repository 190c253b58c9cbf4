import { afterEach, describe, expect, it } from "vitest";
import {
  toMinor,
  type Auction,
  type AuctionState,
  type LiveStatus,
  type Rostrum,
  type SaleState,
  type UserMessage,
} from "../../src/index.ts";
import { ADMIN_TOKEN, closeAll, newAuction, newUser, open, view, waitFor, type View } from "./deployment.ts";

const HOUR_MS = 3_600_000;

afterEach(closeAll);

/** A WebSocket behind a proxy that does not know them. */
class NoWebSocket extends WebSocket {
  constructor() {
    super("ws://127.0.0.1:1");
  }
}

async function read(rostrum: Rostrum, id: string): Promise<Auction> {
  return rostrum.get("/api/v1/auctions/{id}", { params: { path: { id } } });
}

/** What a state must have in common with a body of REST. */
function valuesOf(auction: Auction): Partial<AuctionState> {
  const { version, status, currentBid, bidCount, reserveMet } = auction;
  return {
    version,
    status,
    bidCount,
    reserveMet,
    currentBid: currentBid === null ? null : toMinor(currentBid),
    minimumBid: toMinor(auction.minimumBid),
    endTime: Date.parse(auction.endTime),
  };
}

async function expectSame(each: View, id: string): Promise<void> {
  const auction = await read(each.rostrum, id);
  await each.until((state) => state.version >= auction.version);
  expect(each.state()).toMatchObject(valuesOf(auction));
  if (auction.you === undefined || auction.you === null) return;
  const { state, myHighestBid, myMaximum } = auction.you;
  await each.until(
    ({ you }) => you?.state === state && you.myHighestBid === (myHighestBid === null ? null : toMinor(myHighestBid)),
  );
  expect(each.state().you?.myMaximum).toBe(myMaximum === null ? null : toMinor(myMaximum));
}

/** A sale of two units that can be joined, and begins in three seconds. Returns its id. */
async function newSale(): Promise<string> {
  const admin = open({ token: ADMIN_TOKEN });
  const product = await admin.post("/api/v1/products", { body: { name: "A lamp", basePrice: "20.00" } });
  const times = {
    joinTime: new Date().toISOString(),
    startTime: new Date(Date.now() + 3_000).toISOString(),
    endTime: new Date(Date.now() + HOUR_MS).toISOString(),
  };
  const { id } = await admin.post("/api/v1/flash-sales", {
    body: {
      productId: product.id,
      flashPrice: "12.50",
      quantityAvailable: 2,
      perUserLimit: 1,
      turnSeconds: 60,
      reservationSeconds: 60,
      ...times,
    },
  });
  return id;
}

describe("watching over the socket", () => {
  it("shows a duel of bids and maximums as REST does, to a guest and to the bidders", async () => {
    const id = await newAuction({ reservePrice: "40.00", incrementTable: "ebay-us" });
    const bidders = await Promise.all(["One", "Two", "Three"].map((name) => newUser(name)));
    const views = [open(), ...bidders].map((each) => view(each, id));
    await Promise.all(views.map((each) => each.until((state) => state.freshness === "live" && state.terms !== null)));
    for (let round = 0; round < 15; round += 1) {
      await Promise.all(
        bidders.map(async (bidder, index) => {
          const amount = (views[0]?.state().minimumBid ?? 0) + ((round * 7 + index * 3) % 5) * 100;
          const { version } = views[0]?.state() ?? { version: 0 };
          const call =
            (round + index) % 4 === 0
              ? bidder.setMaximum(id, amount + 500, { version, wait: 10 })
              : bidder.bid(id, amount, { version, wait: 10 });
          await call.catch((error: unknown) =>
            expect(error).toMatchObject({ code: expect.stringMatching(/BID_TOO_LOW|MAXIMUM_NOT_RAISED/) as string }),
          );
        }),
      );
    }
    for (const each of views) await expectSame(each, id);
    const history = await bidders[0]?.get("/api/v1/auctions/{id}/bids", {
      params: { path: { id }, query: { limit: 50 } },
    });
    for (const { state, states } of views) {
      expect(state().bids.map((bid) => bid.bidId)).toEqual(
        history?.items.slice(0, state().bids.length).map((bid) => bid.bidId),
      );
      const versions = states.map((each) => each.version);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
    }
  });

  it("sends the user what concerns the user", async () => {
    const id = await newAuction();
    const [first, second] = await Promise.all([newUser("First"), newUser("Second")]);
    const told: UserMessage[] = [];
    first.live.onUser((each) => told.push(each));
    await waitFor(() => first.live.status() === "live");
    await first.bid(id, 1000, { wait: 10 });
    await second.bid(id, 1500, { wait: 10 });
    await waitFor(
      () => ["bid_result", "notification"].every((type) => told.some((each) => each.type === type)),
      () => JSON.stringify(told),
    );
  });

  it("notices an extension and the end", async () => {
    const ends = new Date(Date.now() + 9_000).toISOString();
    const id = await newAuction({ endTime: ends, antiSnipe: { windowSeconds: 60, extensionSeconds: 10 } });
    const bidder = await newUser("Bidder");
    const watched = view(bidder, id);
    await watched.until((state) => state.freshness === "live");
    const { endTime } = watched.state();
    await bidder.bid(id, 1000, { wait: 10 });
    const extended = await watched.until((state) => state.endTime > endTime);
    expect(extended).toMatchObject({ extensions: 1, you: { state: "leading" } });
    const sold = await watched.until((state) => state.status === "sold");
    expect(sold).toMatchObject({ you: { state: "won" }, freshness: "live" });
  });

  it("says what is not there", async () => {
    const failed: string[] = [];
    const guest = open();
    guest.live.watchAuction("018f3a5e-7c00-7000-8000-00000000ffff", () => undefined, {
      onError: (error) => failed.push(error.code),
    });
    await waitFor(() => failed.includes("NOT_FOUND"));
  });

  it("watches many with one socket, and their states are live", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => newAuction()));
    const guest = open();
    const views = ids.map((id) => view(guest, id));
    await Promise.all(views.map((each) => each.until((state) => state.freshness === "live" && state.terms !== null)));
  });
});

describe("without the socket", () => {
  it("follows by Server-Sent Events", async () => {
    const id = await newAuction();
    const guest = open({ WebSocket: NoWebSocket });
    const statuses: LiveStatus[] = [];
    guest.live.onStatus((each) => statuses.push(each));
    const watched = view(guest, id);
    await watched.until((state) => state.freshness === "live");
    await (await newUser("Bidder")).bid(id, 1234, { wait: 10 });
    const seen = await watched.until((state) => state.currentBid === 1234);
    expect(seen.freshness).toBe("live");
    await waitFor(() => guest.live.status() === "fallback");
    expect(statuses).toContain("fallback");
    expect(statuses).not.toContain("live");
  });

  it("follows a flash sale by Server-Sent Events", async () => {
    const id = await newSale();
    const guest = open({ WebSocket: NoWebSocket });
    const states: SaleState[] = [];
    guest.live.watchSale(id, (each) => states.push(each));
    await waitFor(() => states.at(-1)?.freshness === "live");
    await (await newUser("Buyer")).joinSale(id, { wait: 10 });
    await waitFor(() => (states.at(-1)?.version ?? 0) > (states[0]?.version ?? 0));
    expect(states.at(-1)?.freshness).toBe("live");
  });

  it("polls, and what was polled is stale", async () => {
    const id = await newAuction();
    const guest = open({ WebSocket: NoWebSocket, EventSource: undefined as never, token: () => null });
    const watched = view(guest, id);
    await (await newUser("Bidder")).bid(id, 1234, { wait: 10 });
    const seen = await watched.until((state) => state.currentBid === 1234);
    expect(seen.freshness).toBe("stale");
    expect(watched.states.every((each) => each.freshness === "stale")).toBe(true);
  });
});

describe("a flash sale", () => {
  it("is followed from the join to the confirmed order", async () => {
    const id = await newSale();
    const buyer = await newUser("Buyer");
    const states: SaleState[] = [];
    buyer.live.watchSale(id, (each) => states.push(each));
    await waitFor(() => states.at(-1)?.freshness === "live" && states.at(-1)?.terms !== null);
    await buyer.joinSale(id, { wait: 10 });
    await waitFor(
      () => states.at(-1)?.you?.status === "turn",
      () => JSON.stringify(states.at(-1)),
    );
    expect(states.at(-1)).toMatchObject({
      status: "active",
      claimed: 1,
      you: { position: 0 },
      terms: { flashPrice: 1250 },
    });
    const { orderId } = await buyer.order(id, 1, { wait: 10 });
    await waitFor(() => states.at(-1)?.reserved === 1 && states.at(-1)?.you?.orders[0]?.status === "reserved");
    await buyer.confirmOrder(orderId, { wait: 10 });
    await waitFor(() => states.at(-1)?.sold === 1 && states.at(-1)?.you?.orders[0]?.status === "confirmed");
    expect(states.at(-1)).toMatchObject({
      reserved: 0,
      sold: 1,
      freshness: "live",
      you: { orders: [{ orderId, totalPrice: 1250 }] },
    });
  });
});
