import { describe, expect, it } from "vitest";
import { AUCTION, bidOf, body, result, snapshot, update } from "../test/examples.ts";
import { HISTORY_MAX, reduceAuction, type AuctionInput, type AuctionState } from "./auction-state.ts";
import type { AuctionUpdate, Snapshot } from "./types.ts";

const ME = { state: "none", pseudonym: "Bidder-ME", myHighestBid: null, myMaximum: null, watching: false };

function play(...inputs: readonly AuctionInput[]): AuctionState {
  let state: AuctionState | null = null;
  for (const each of inputs) state = reduceAuction(state, AUCTION, each);
  if (state === null) throw new Error("no input");
  return state;
}

const onSnapshot = (seq: number, members?: Partial<Snapshot>, replace = false): AuctionInput => ({
  kind: "snapshot",
  message: snapshot(seq, members),
  live: true,
  replace,
});
const onUpdate = (seq: number, members?: Partial<AuctionUpdate>): AuctionInput => ({
  kind: "update",
  message: update(seq, members),
  live: true,
});
const onBody = (version: number, members?: Parameters<typeof body>[1]): AuctionInput => ({
  kind: "body",
  auction: body(version, members),
});

describe("the state of an auction", () => {
  it("is the snapshot, in minor units and ms", () => {
    expect(play(onSnapshot(5))).toMatchObject({
      id: AUCTION,
      version: 5,
      historyVersion: 5,
      title: "A chair",
      currentBid: 1500,
      minimumBid: 1600,
      startingPrice: 1000,
      endTime: Date.parse("2026-05-01T14:00:00.000Z"),
      leader: "Bidder-5",
      freshness: "live",
      gap: false,
      terms: null,
      asOf: Date.parse("2026-05-01T13:30:15.120Z"),
    });
  });

  it("follows updates, and ignores those that it knows", () => {
    const state = play(onSnapshot(5), onUpdate(6), onUpdate(7));
    expect(state).toMatchObject({ version: 7, currentBid: 1700, leader: "Bidder-7", gap: false });
    expect(state.bids.map((each) => each.bidId)).toEqual(["bid-7", "bid-6", "bid-5"]);
    expect(reduceAuction(state, AUCTION, onUpdate(7))).toBe(state);
    expect(reduceAuction(state, AUCTION, onUpdate(6))).toBe(state);
    expect(reduceAuction(state, AUCTION, onSnapshot(6))).toBe(state);
    expect(reduceAuction(state, AUCTION, onBody(6))).toMatchObject({ version: 7, currentBid: 1700 });
  });

  it("shows a gap of the history until the next snapshot, but never a wrong price", () => {
    const state = play(onSnapshot(5), onUpdate(8));
    expect(state).toMatchObject({ version: 8, currentBid: 1800, gap: true });
    expect(play(onSnapshot(5), onUpdate(8), onUpdate(9))).toMatchObject({ version: 9, gap: true });
    expect(play(onSnapshot(5), onUpdate(8), onSnapshot(8))).toMatchObject({ version: 8, gap: false });
  });

  it("takes the bids of messages that a body of REST has overtaken", () => {
    const state = play(onSnapshot(5), onBody(7), onUpdate(6), onUpdate(7));
    expect(state).toMatchObject({ version: 7, currentBid: 1700, gap: false, historyVersion: 7, leader: "Bidder-7" });
    expect(state.bids).toHaveLength(3);
  });

  it("goes on after a snapshot that is behind a body", () => {
    const state = play(onBody(7), onSnapshot(6), onUpdate(7), onUpdate(8));
    expect(state).toMatchObject({ version: 8, currentBid: 1800, gap: false });
    expect(play(onBody(7), onSnapshot(6))).toMatchObject({ version: 7, currentBid: 1700, freshness: "stale" });
  });

  it("goes back only if the caller says so", () => {
    expect(play(onSnapshot(9), onSnapshot(4))).toMatchObject({ version: 9, currentBid: 1900 });
    expect(play(onSnapshot(9), onSnapshot(4, {}, true))).toMatchObject({
      version: 4,
      historyVersion: 4,
      currentBid: 1400,
    });
  });

  it("keeps a bounded history", () => {
    const updates = Array.from({ length: 200 }, (_, index) => onUpdate(6 + index));
    expect(play(onSnapshot(5), ...updates).bids).toHaveLength(HISTORY_MAX);
  });

  it("has the terms of a body, also of an older one", () => {
    const state = play(onSnapshot(9), onBody(4));
    expect(state).toMatchObject({
      version: 9,
      currentBid: 1900,
      increments: { form: "steps" },
      terms: { hasReserve: false },
    });
  });

  it("loses buy now with the first bid that meets the reserve", () => {
    const early = { currentBid: null, bids: [], reserveMet: false };
    expect(play(onBody(1, { currentBid: null, reserveMet: false })).buyNowPrice).toBe(9900);
    expect(
      play(onBody(1, { currentBid: null, reserveMet: false }), onSnapshot(1, early), onUpdate(2, { reserveMet: false }))
        .buyNowPrice,
    ).toBe(9900);
    expect(
      play(onBody(1, { currentBid: null, reserveMet: false }), onSnapshot(1, early), onUpdate(2)).buyNowPrice,
    ).toBeNull();
  });

  it("counts extensions once", () => {
    const later = { type: "auction_extended", endTime: "2026-05-01T14:02:00.000Z" };
    const state = play(
      onSnapshot(5),
      onUpdate(6, later),
      onUpdate(6, later),
      onBody(6, { endTime: later.endTime }),
      onUpdate(7, later),
    );
    expect(state).toMatchObject({ extensions: 1, endTime: Date.parse(later.endTime) });
  });

  it("never makes a body live, and keeps the time of certainty", () => {
    expect(play(onBody(5)).freshness).toBe("stale");
    const lost = { kind: "freshness", freshness: "stale", asOf: 7 } as const;
    expect(play(onSnapshot(5), lost, onBody(6))).toMatchObject({ freshness: "stale", version: 6 });
    expect(play(onSnapshot(5), lost, { ...onUpdate(6), live: false } as AuctionInput).freshness).toBe("stale");
    expect(play(onSnapshot(5), lost)).toMatchObject({ freshness: "stale", asOf: 7 });
  });
});

describe("the user's own view", () => {
  const led = onSnapshot(5, { you: ME, id: 1 });

  it("is outbid as soon as somebody else leads, and leads again", () => {
    const mine = onUpdate(6, { bids: [bidOf(6, "Bidder-ME", 16)] });
    const before = play(led, { kind: "result", message: result(6, { amount: 16 }) }, mine);
    expect(before.you).toMatchObject({ state: "leading", myHighestBid: 1600 });
    const beaten = reduceAuction(before, AUCTION, onUpdate(7));
    expect(beaten.you).toMatchObject({ state: "outbid", myHighestBid: 1600 });
    expect(reduceAuction(beaten, AUCTION, onUpdate(8, { bids: [bidOf(8, "Bidder-ME", 18)] })).you?.state).toBe(
      "leading",
    );
  });

  it("believes the newest public bid more than an older result", () => {
    const state = play(led, onUpdate(6), { kind: "result", message: result(6, { amount: 15.5 }) });
    expect(state.you).toMatchObject({ state: "outbid", myHighestBid: 1550 });
  });

  it("knows the own maximum, also of a bid that was outbid at once", () => {
    const message = result(undefined, { status: "outbid", amount: null, maxAmount: 15, isProxyBid: true });
    expect(play(led, { kind: "result", message }).you).toMatchObject({
      state: "outbid",
      myMaximum: 1500,
      myHighestBid: null,
    });
    expect(play(led, { kind: "result", message: result(6, { status: "rejected" }) }).you?.state).toBe("none");
  });

  it("has won or lost at the end", () => {
    const mine = onSnapshot(6, { you: { ...ME, state: "leading" }, bids: [bidOf(6, "Bidder-ME", 16)], id: 1 });
    const sold = { type: "auction_sold", status: "sold", currentBid: 16, bids: [] };
    expect(play(mine, onUpdate(7, sold)).you?.state).toBe("won");
    expect(play(mine, onUpdate(7), onUpdate(8, { ...sold, currentBid: 17 })).you?.state).toBe("lost");
    expect(play(mine, onUpdate(7, { ...sold, status: "unsold" })).you?.state).toBe("lost");
  });

  it("leads no longer once the price is above the own bids, though nothing says who bid", () => {
    const you = { ...ME, state: "leading", myHighestBid: 16, myMaximum: 20 };
    const mine = onSnapshot(6, { you, bids: [bidOf(6, "Bidder-ME", 16)], id: 1 });
    expect(play(mine, onBody(8, { currentBid: 20 })).you?.state).toBe("leading");
    expect(play(mine, onBody(8, { currentBid: 21 })).you?.state).toBe("outbid");
    expect(play(mine, onBody(8, { currentBid: 20, status: "sold" })).you?.state).toBe("won");
    expect(play(mine, onBody(8, { currentBid: 21, status: "sold" })).you?.state).toBe("lost");
    expect(play(mine, onUpdate(9, { currentBid: 21, bids: [] })).you?.state).toBe("outbid");
  });

  it("stays when the server does not know it, and goes with the user", () => {
    expect(play(led, onSnapshot(6, { you: null })).you).toMatchObject(ME);
    expect(play(led, onSnapshot(6)).you).toMatchObject(ME);
    expect(play(led, { kind: "user" }).you).toBeNull();
    expect(play(onSnapshot(5), onUpdate(6)).you).toBeNull();
  });
});

describe("any order of messages and bodies", () => {
  it("ends in the newest version, and versions only rise", () => {
    let seed = 42;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let round = 0; round < 500; round += 1) {
      const inputs = Array.from({ length: 12 }, (_, index): AuctionInput => {
        const version = 1 + random(12);
        if (index === 0) return onSnapshot(version);
        return [onSnapshot, onUpdate, onBody][random(3)]?.(version) ?? onUpdate(version);
      });
      let state: AuctionState | null = null;
      let newest = 0;
      for (const each of inputs) {
        state = reduceAuction(state, AUCTION, each);
        newest = Math.max(
          newest,
          each.kind === "body"
            ? each.auction.version
            : each.kind === "result" || !("message" in each)
              ? 0
              : each.message.seq,
        );
        expect(state).toMatchObject({ version: newest, currentBid: 1000 + newest * 100 });
        expect(new Set(state.bids.map((bid) => bid.bidId)).size).toBe(state.bids.length);
      }
    }
  });
});
