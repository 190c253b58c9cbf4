// The types of the API that others use by name. All come from the generated schema.d.ts.
import type { components } from "./generated/schema.d.ts";

type Schemas = components["schemas"];

/** An amount of money in the minor unit of its currency (cents). Amounts up to 9,999,999,999.99 are exact. */
export type Minor = number;

export type Auction = Schemas["Auction"];
export type AuctionStatus = Schemas["AuctionStatus"];
export type Bid = Schemas["Bid"];
export type PendingBid = Schemas["PendingBid"];
export type PendingCommand = Schemas["PendingCommand"];
export type Order = Schemas["Order"];
export type QueueEntry = Schemas["QueueEntry"];
export type FlashSale = Schemas["FlashSale"];
export type Image = Schemas["AddedImage"];
export type KeySet = Schemas["KeySet"];
export type FieldError = Schemas["FieldError"];
export type IncrementTable = Schemas["IncrementTable"];
export type Notification = Schemas["Notification"];

export type Snapshot = Schemas["Snapshot"];
export type AuctionUpdate = Schemas["Update"];
export type BidResult = Schemas["BidResult"];
export type NotificationMessage = Schemas["NotificationMessage"];
export type PositionUpdate = Schemas["QueuePositionUpdate"];
export type OrderUpdate = Schemas["OrderUpdate"];
export type SaleUpdate = Schemas["InventoryUpdate"] | Schemas["SaleStatusChange"];
export type Refusal = Schemas["Refusal"];

/** A message to the user alone. */
export type UserMessage = BidResult | NotificationMessage | PositionUpdate | OrderUpdate;

/** The commands that the socket sends. */
export type Command =
  | Schemas["Subscribe"]
  | Schemas["Unsubscribe"]
  | Schemas["InventoryWatch"]
  | Schemas["InventoryUnwatch"]
  | Schemas["Ping"]
  | Schemas["Authenticate"];

/** `live`: at most seconds old, and known to be so. `stale`: it was right at `asOf`. */
export type Freshness = "live" | "stale";
