// A user's own view of an auction, kept up to date by messages that do not hold it. Called by auction-state.ts.
import { toMinor } from "./money.ts";
import type { AuctionStatus, BidResult, Minor, Snapshot } from "./types.ts";

type GivenYou = NonNullable<Snapshot["you"]>;

/** `none`: no bid of the user counts. `lost`: the auction is over and somebody else won, or nobody. */
export interface You {
  readonly state: GivenYou["state"];
  /** The user's name in the public history. */
  readonly pseudonym: string;
  readonly myHighestBid: Minor | null;
  readonly myMaximum: Minor | null;
  readonly watching: boolean;
}

/** What youAfterResult reads of an auction. */
interface Auction {
  readonly version: number;
  readonly leader: string | null;
}

function orNull(amount: number | null): Minor | null {
  return amount === null ? null : toMinor(amount);
}

/** The view in a message. Null in it says that the server does not know it now, so the one before stays. */
export function readYou(given: GivenYou | null, before: You | null): You | null {
  if (given === null) return before;
  const { state, pseudonym, watching } = given;
  const you = {
    state,
    pseudonym,
    watching,
    myHighestBid: orNull(given.myHighestBid),
    myMaximum: orNull(given.myMaximum),
  };
  const same = before !== null && Object.entries(you).every(([name, value]) => before[name as keyof You] === value);
  return same ? before : you;
}

function withState(you: You, state: You["state"]): You {
  return you.state === state ? you : { ...you, state };
}

/** Whether the price may be that of the user: it is not above all that the user is known to have bid. */
function mayBeOurs({ myHighestBid, myMaximum }: You, price: Minor | null): boolean {
  if (price === null || (myHighestBid === null && myMaximum === null)) return true;
  return price <= Math.max(myHighestBid ?? 0, myMaximum ?? 0);
}

/** The view after bids of anyone. Without a leader, as in a body of REST, it stays while the price may be the user's. */
export function youAfterBids(
  you: You | null,
  leader: string | null,
  { status, currentBid }: { readonly status: AuctionStatus; readonly currentBid: Minor | null },
): You | null {
  if (you === null || you.state === "none" || you.state === "won" || you.state === "lost") return you;
  const leads = leader === null ? you.state === "leading" && mayBeOurs(you, currentBid) : leader === you.pseudonym;
  if (status === "sold") return withState(you, leads ? "won" : "lost");
  if (status === "unsold" || status === "cancelled") return withState(you, "lost");
  return withState(you, leads ? "leading" : "outbid");
}

/** The view after the decision on a bid of the user. */
export function youAfterResult(you: You | null, result: BidResult, auction: Auction): You | null {
  if (you === null || (result.status !== "accepted" && result.status !== "outbid")) return you;
  const shown = result.seq !== undefined && result.seq <= auction.version && auction.leader !== null;
  const leads = shown ? auction.leader === you.pseudonym : result.status === "accepted";
  return {
    ...you,
    state: leads ? "leading" : "outbid",
    myHighestBid: result.amount === null ? you.myHighestBid : Math.max(toMinor(result.amount), you.myHighestBid ?? 0),
    myMaximum: result.maxAmount === undefined ? you.myMaximum : toMinor(result.maxAmount),
  };
}
