// The public part of live updates; README.md of the package explains it. LiveHub implements it.
import type { AuctionState } from "../auction-state.ts";
import type { SaleState } from "../sale-state.ts";
import type { UserMessage } from "../types.ts";
import type { WatchOptions } from "./watched.ts";

/** `fallback`: updates come, but not over the socket. `offline`: none come. */
export type LiveStatus = "live" | "connecting" | "fallback" | "offline";

/** What happens in auctions and sales, and to the user. */
export interface Live {
  /** Calls the listener with each state of an auction, the present one first. Returns how to stop. */
  watchAuction(id: string, listener: (state: AuctionState) => void, options?: WatchOptions): () => void;
  /** The same for a flash sale. */
  watchSale(id: string, listener: (state: SaleState) => void, options?: WatchOptions): () => void;
  /** Calls the listener with the messages to this user alone. Those sent while there is no connection are lost. */
  onUser(listener: (message: UserMessage) => void): () => void;
  status(): LiveStatus;
  onStatus(listener: (status: LiveStatus) => void): () => void;
  /** Calls the listener when the session or the token may have ended: the server has closed the socket with 4001 or 1008. */
  onSessionEnded(listener: () => void): () => void;
  /** Connects anew and forgets the views of the user. Call it after a login or logout. */
  reconnect(): void;
}
