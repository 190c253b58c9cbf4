import { describe, expect, it } from "vitest";
import { SALE, sale, saleBody } from "../test/examples.ts";
import { reduceSale, type SaleInput, type SaleState } from "./sale-state.ts";
import type { OrderUpdate, PositionUpdate } from "./types.ts";

const TIME = "2026-05-01T13:30:15.120Z";

function play(...inputs: readonly SaleInput[]): SaleState {
  let state: SaleState | null = null;
  for (const each of inputs) state = reduceSale(state, SALE, each);
  if (state === null) throw new Error("no input");
  return state;
}

const onUpdate = (version: number, replace = false): SaleInput => ({
  kind: "update",
  message: sale(version),
  live: true,
  replace,
});
const onBody = (version: number, members?: Parameters<typeof saleBody>[1]): SaleInput => ({
  kind: "body",
  sale: saleBody(version, members),
});

function position(version: number, members: Partial<PositionUpdate> = {}): SaleInput {
  const place = { position: 17, status: "waiting", waiting: 40, turnExpiresAt: null, ...members };
  return {
    kind: "position",
    message: { type: "queue:position-update", flashSaleId: SALE, serverTime: TIME, version, ...place },
  };
}

function order(status: string, id = "order-1"): SaleInput {
  const message: OrderUpdate = {
    type: "order:update",
    flashSaleId: SALE,
    serverTime: TIME,
    orderId: id,
    status,
    reason: null,
    quantity: 1,
    totalPrice: 19.9,
    expiresAt: TIME,
  };
  return { kind: "order", message };
}

describe("the state of a flash sale", () => {
  it("is the newest version, whatever comes in which order", () => {
    expect(play(onUpdate(3), onUpdate(9), onUpdate(5), onBody(7))).toMatchObject({
      version: 9,
      sold: 9,
      freshness: "live",
    });
    expect(play(onUpdate(9), onUpdate(5, true))).toMatchObject({ version: 5, sold: 5 });
  });

  it("has the terms of any body, in minor units", () => {
    expect(play(onUpdate(9), onBody(7)).terms).toMatchObject({ flashPrice: 1990, productName: "A lamp" });
    expect(play(onBody(7))).toMatchObject({ version: 7, freshness: "stale", you: null });
  });

  it("knows the place by its newest version", () => {
    const state = play(onUpdate(9), position(9), position(8, { position: 20 }));
    expect(state.you).toMatchObject({ position: 17, status: "waiting" });
    const turn = reduceSale(state, SALE, position(10, { position: 0, status: "turn", turnExpiresAt: TIME }));
    expect(turn.you).toMatchObject({ position: 0, turnExpiresAt: Date.parse(TIME) });
    const you = { entryId: "entry", position: 20, status: "waiting", turnExpiresAt: null, orders: [] };
    expect(reduceSale(turn, SALE, onBody(9, { you })).you).toMatchObject({ position: 0 });
    expect(reduceSale(turn, SALE, onBody(11, { you: null })).you).toMatchObject({ position: 0 });
    expect(reduceSale(turn, SALE, onBody(11, { you })).you).toMatchObject({ position: 20, entryId: "entry" });
  });

  it("keeps one entry for each order", () => {
    const state = play(onUpdate(9), order("reserved"), order("reserved", "order-2"), order("confirmed"));
    expect(state.you?.orders.map((each) => [each.orderId, each.status, each.totalPrice])).toEqual([
      ["order-2", "reserved", 1990],
      ["order-1", "confirmed", 1990],
    ]);
  });

  it("forgets the user, and stays the same object when nothing changes", () => {
    const state = play(onUpdate(9), position(9));
    expect(reduceSale(state, SALE, { kind: "user" })).toMatchObject({ you: null, version: 9 });
    expect(reduceSale(state, SALE, onUpdate(9))).toBe(state);
    expect(reduceSale(state, SALE, onUpdate(4))).toBe(state);
  });
});
