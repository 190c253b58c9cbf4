// Messages and bodies for tests: an auction with the title "A chair", as the documents show it.
import type { Auction, AuctionUpdate, BidResult, FlashSale, SaleUpdate, Snapshot } from "../src/types.ts";

export const AUCTION = "018f3a5e-7c00-7000-8000-00000000a001";
export const SALE = "018f3a5e-7c00-7000-8000-00000000c001";
const TIME = "2026-05-01T13:30:15.120Z";
const END = "2026-05-01T14:00:00.000Z";

type Bids = AuctionUpdate["bids"];

/** The bid with this number, by this bidder. */
export function bidOf(number: number, bidder: string, amount: number): Bids[number] {
  return { bidId: `bid-${String(number)}`, bidder, amount, isProxyBid: false, createdAt: TIME };
}

/** The public values of version `seq`, in which the price is 10 + seq. */
function values(
  seq: number,
): Pick<Snapshot, "seq" | "status" | "endTime" | "currentBid" | "minimumBid" | "bidCount" | "reserveMet" | "bids"> {
  const bids = [bidOf(seq, `Bidder-${String(seq)}`, 10 + seq)];
  return {
    seq,
    status: "active",
    endTime: END,
    currentBid: 10 + seq,
    minimumBid: 11 + seq,
    bidCount: seq,
    reserveMet: true,
    bids,
  };
}

export function snapshot(seq: number, members: Partial<Snapshot> = {}): Snapshot {
  const terms = { title: "A chair", currency: "USD", startingPrice: 10, startTime: "2026-05-01T13:00:00.000Z" };
  return { type: "snapshot", auctionId: AUCTION, serverTime: TIME, ...terms, ...values(seq), ...members };
}

export function update(seq: number, members: Partial<AuctionUpdate> = {}): AuctionUpdate {
  return { type: "bid_placed", auctionId: AUCTION, serverTime: TIME, ...values(seq), ...members };
}

export function body(version: number, members: Partial<Auction> = {}): Auction {
  const { status, endTime, currentBid, minimumBid, bidCount, reserveMet } = values(version);
  return {
    id: AUCTION,
    sellerId: "seller",
    sellerName: "Sam",
    title: "A chair",
    description: "",
    category: "",
    currency: "USD",
    startingPrice: 10,
    hasReserve: false,
    buyNowPrice: 99,
    bidIncrement: 1,
    status,
    endTime,
    currentBid,
    minimumBid,
    bidCount,
    reserveMet,
    startTime: "2026-05-01T13:00:00.000Z",
    originalEndTime: END,
    watchers: 0,
    images: [],
    version,
    antiSnipe: { windowSeconds: 120, extensionSeconds: 120, maxExtensions: null },
    createdAt: TIME,
    updatedAt: TIME,
    serverTime: TIME,
    ...members,
  };
}

export function result(seq: number | undefined, members: Partial<BidResult> = {}): BidResult {
  return {
    type: "bid_result",
    serverTime: TIME,
    bidId: "mine",
    auctionId: AUCTION,
    amount: 20,
    isProxyBid: false,
    status: "accepted",
    receivedAt: TIME,
    decidedAt: TIME,
    ...(seq === undefined ? {} : { seq }),
    ...members,
  };
}

export function sale(version: number, members: Partial<SaleUpdate> = {}): SaleUpdate {
  return {
    type: "inventory:update",
    flashSaleId: SALE,
    version,
    serverTime: TIME,
    status: "active",
    available: 100 - version,
    claimed: 0,
    reserved: 0,
    sold: version,
    waiting: 0,
    joinTime: TIME,
    startTime: TIME,
    endTime: END,
    ...members,
  };
}

export function saleBody(version: number, members: Partial<FlashSale> = {}): FlashSale {
  return {
    id: SALE,
    productId: "product",
    productName: "A lamp",
    currency: "USD",
    flashPrice: 19.9,
    quantityAvailable: 100,
    perUserLimit: 2,
    joinTime: TIME,
    startTime: TIME,
    endTime: END,
    turnSeconds: 60,
    reservationSeconds: 300,
    payment: "none",
    status: "active",
    available: 100 - version,
    claimed: 0,
    reserved: 0,
    sold: version,
    waiting: 0,
    version,
    createdAt: TIME,
    updatedAt: TIME,
    serverTime: TIME,
    ...members,
  };
}
