import { afterAll, describe, expect, it } from "vitest";
import {
  bidKey,
  nextAmounts,
  readIncrements,
  toDecimal,
  toMinor,
  verifyReceipt,
  type ApiError,
  type IncrementTable,
} from "../../src/index.ts";
import { ADMIN_TOKEN, closeAll, newAuction, newUser, open } from "./deployment.ts";

const NOWHERE = "018f3a5e-7c00-7000-8000-00000000ffff";
/** A PNG of one pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

afterAll(closeAll);

async function refusalOf(call: Promise<unknown>): Promise<ApiError> {
  return call.then(
    () => expect.fail("it was not refused"),
    (error: unknown) => error as ApiError,
  );
}

describe("errors", () => {
  it("have code, status, fields and details", async () => {
    const guest = open();
    expect(await refusalOf(guest.get("/api/v1/users/me"))).toMatchObject({
      name: "ApiError",
      status: 401,
      code: "UNAUTHORIZED",
    });
    const missing = await refusalOf(guest.get("/api/v1/auctions/{id}", { params: { path: { id: NOWHERE } } }));
    expect(missing).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect(missing.requestId).not.toBeNull();
    const invalid = await refusalOf(
      guest.post("/api/v1/auth/register", { body: { email: "nobody", password: "x", displayName: "" } }),
    );
    expect(invalid).toMatchObject({ status: 400, code: "VALIDATION_FAILED" });
    expect(invalid.fields.map((each) => each.field)).toEqual(expect.arrayContaining(["email", "password"]));
    const bidder = await newUser("Bidder");
    const low = await refusalOf(bidder.bid(await newAuction(), 999));
    expect(low).toMatchObject({ code: "BID_TOO_LOW", details: { currentBid: null, minimumBid: 10 } });
  });

  it("come when nobody listens", async () => {
    const nobody = open({ baseUrl: "http://127.0.0.1:1" });
    expect(await nobody.patch("/api/v1/users/me", { body: {} }).catch((error: unknown) => error)).toMatchObject({
      name: "NetworkError",
      outcomeUnknown: true,
    });
  });
});

describe("bids", () => {
  it("are placed once, however often they are sent", async () => {
    const bidder = await newUser("Bidder");
    const id = await newAuction();
    const both = await Promise.all([
      bidder.bid(id, 1250, { version: 1, wait: 10 }),
      bidder.bid(id, 1250, { version: 1, wait: 10 }),
    ]);
    const again = await bidder.bid(id, 1250, { key: await bidKey(id, 1250, 1) });
    expect(new Set([...both, again].map((each) => each.bidId)).size).toBe(1);
    expect(again.status).toBe("accepted");
    const auction = await bidder.get("/api/v1/auctions/{id}", { params: { path: { id } } });
    expect(auction).toMatchObject({ currentBid: 12.5, bidCount: 1 });
  });

  it("have receipts that can be checked", async () => {
    const bidder = await newUser("Bidder");
    const id = await newAuction();
    const bid = await bidder.bid(id, 1050, { receipt: true });
    const keys = await bidder.get("/.well-known/jwks.json");
    const { receipt = "" } = bid;
    expect(await verifyReceipt(receipt, keys)).toMatchObject({
      result: "valid",
      claims: { auctionId: id, amount: 10.5, bidId: bid.bidId },
    });
    const [head = "", claims = "", signature = ""] = receipt.split(".");
    const forged = Buffer.from(Buffer.from(claims, "base64url").toString().replace("10.50", "10.40")).toString(
      "base64url",
    );
    expect(await verifyReceipt(`${head}.${forged}.${signature}`, keys)).toEqual({ result: "wrong_signature" });
  });

  it("set maximums, withdraw them, and buy now", async () => {
    const bidder = await newUser("Bidder");
    const id = await newAuction({ buyNowPrice: "99.00", reservePrice: "50.00" });
    expect(await bidder.setMaximum(id, 2000, { version: 1, wait: 10 })).toMatchObject({
      status: "accepted",
      maxAmount: 20,
    });
    await bidder.del("/api/v1/auctions/{id}/proxy", { params: { path: { id } } });
    expect(await bidder.buyNow(id, 9800, { wait: 10 })).toMatchObject({ status: "rejected", reason: "TERMS_CHANGED" });
    expect(await bidder.buyNow(id, 9900, { wait: 10 })).toMatchObject({ status: "accepted" });
  });
});

describe("next amounts", () => {
  const tables: [string, IncrementTable | undefined][] = [
    ["a fixed increment", undefined],
    ["eBay's table", "ebay-us"],
    [
      "steps",
      [
        { from: 0, increment: 0.5 },
        { from: 20, increment: 2.5 },
        { from: 1000, increment: 100 },
      ],
    ],
    ["rungs", [1, 2, 5, 10, 22.5, 50, 1000]],
    ["a percentage", { percent: 3.33, minimum: 0.4 }],
  ];
  it.each(tables)("are the server's, for %s", async (_, incrementTable) => {
    const guest = open();
    const terms =
      incrementTable === undefined ? { bidIncrement: "2.50" } : { incrementTable: incrementTable as "ebay-us" };
    const increments = readIncrements(incrementTable === undefined ? { bidIncrement: 2.5 } : { incrementTable });
    for (const currentBid of [1, 99, 101, 2345, 99_999, 250_000, 12_345_678, 900_000_000_000]) {
      const quote = await guest.post("/api/v1/auctions/quote", {
        body: { currentBid: toDecimal(currentBid), ...terms },
      });
      const amounts = quote.amounts.map(toMinor);
      expect(nextAmounts({ minimumBid: amounts[0] ?? 0, increments }, 10)).toEqual(amounts);
    }
  });
});

describe("uploads", () => {
  it("report progress and become images", async () => {
    const admin = open({ token: ADMIN_TOKEN });
    const product = await admin.post("/api/v1/products", { body: { name: "A lamp", basePrice: "20.00" } });
    const progress: number[] = [];
    const image = await admin.upload(
      `/api/v1/products/${product.id}/images`,
      new Blob([PNG], { type: "image/png" }),
      (part) => progress.push(part),
    );
    expect(image.url).toMatch(/^\/images\//);
    expect(progress.at(-1)).toBe(1);
    const bad = await refusalOf(
      admin.upload(`/api/v1/products/${product.id}/images`, new Blob(["no"], { type: "image/png" })),
    );
    expect(bad.code).toBe("UNSUPPORTED_MEDIA_TYPE");
  });
});

describe("the clock", () => {
  it("is the server's within its error", async () => {
    const { clock } = open();
    await clock.sync();
    // Both run on this machine. serverTime has whole milliseconds.
    expect(Math.abs(clock.now() - Date.now())).toBeLessThanOrEqual(clock.errorMs() + 3);
  });
});
