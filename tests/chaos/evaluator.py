"""A second implementation of the rules of bidding, after docs/bidding-rules.md. The judge decides every entry again by
it.

It shares no code with common/rules, so that a mistake there shows as a difference. It knows only what the load does:
bids, maximums, starts and ends. Amounts are cents, times are milliseconds since the epoch.
"""
import dataclasses


@dataclasses.dataclass
class Decision:
    """What became of a command."""

    status: str  # accepted, outbid, rejected
    reason: str = None  # of a rejection
    amount: int = None  # of the entry; None: it has none
    raised: bool = False  # the leader raised the own maximum
    answer: tuple = None  # (bidder, amount) of the automatic bid that must follow
    lost: tuple = None  # (bidder, kind of the notification) who led until now


def rejected(reason):
    return Decision("rejected", reason)


class Auction:
    """The state of an auction, from its terms and the entries so far."""

    def __init__(self, terms):
        self.seller = terms["seller_id"]
        self.starting_price = terms["starting_price"]
        self.reserve = terms["reserve_price"] or 0
        self.steps = terms["increments"]  # [(from, increment)], rising
        self.window, self.extension = terms["snipe_window"], terms["snipe_extension"]
        self.extensions_left = terms["snipe_max"]
        self.start, self.end = terms["start"], terms["original_end"]
        self.status = "scheduled" if self.start > terms["published"] else "active"
        self.extensions = self.bids = 0
        self.price = self.leader = self.leading_bid = None
        self.maximum = self.second = 0  # the leader's, and the best of all others
        self.by_proxy = False

    def increment(self, amount):
        """The increment that applies at an amount."""
        return [increment for start, increment in self.steps if start <= amount][-1]

    def minimum(self):
        """Rule 1."""
        return self.starting_price if self.price is None else self.price + self.increment(self.price)

    def outcome(self):
        """Rule 9."""
        return "sold" if self.price is not None and self.price >= self.reserve else "unsold"

    def decide(self, entry):
        """Decides a command and changes the state. None: it has no effect, and no entry."""
        if entry["kind"] != "end" and self.status == "scheduled" and entry["received"] >= self.start:
            self.status = "active"
            if entry["kind"] == "start":
                return Decision("accepted")
        if entry["kind"] == "end":
            return self.close(entry["received"])
        if entry["kind"] not in ("bid", "proxy"):
            return None
        offer = entry["amount"] if entry["kind"] == "bid" else entry["max_amount"]
        reason = self.refusal(entry["bidder_id"], entry["kind"], offer, entry["received"])
        return rejected(reason) if reason else self.place(entry, offer)

    def close(self, at):
        if self.status != "active" or at < self.end:
            return None
        self.status = "ended"
        return Decision("accepted")

    def refusal(self, bidder, kind, offer, at):
        """Rules 1, 5, 8 and 10."""
        if self.status == "scheduled" or at < self.start:
            return "AUCTION_NOT_STARTED"
        if self.status == "ended" or at >= self.end:
            return "AUCTION_ENDED"
        if bidder == self.seller:
            return "OWN_AUCTION"
        if kind == "proxy" and bidder == self.leader:
            return "MAXIMUM_NOT_RAISED" if offer <= self.maximum else None
        return "BID_TOO_LOW" if offer < self.minimum() else None

    def place(self, entry, offer):
        """Rules 2 to 7 for a valid offer."""
        before = self.price
        if entry["bidder_id"] != self.leader:
            decision = self.challenge(entry, offer)
        else:
            decision = self.own_lead(entry, offer)
        if self.price != before:
            self.extend(entry["received"])
        return decision

    def challenge(self, entry, offer):
        """An offer of somebody who does not lead."""
        self.bids += 1
        if self.leader is not None and offer <= self.maximum:
            self.second = offer
            self.price = self.due()
            return Decision("outbid", amount=offer, answer=(self.leader, self.price))
        lost = (self.leader, "PROXY_EXHAUSTED" if self.by_proxy else "OUTBID") if self.leader else None
        self.second, self.maximum = self.maximum, offer
        self.leader, self.leading_bid, self.by_proxy = entry["bidder_id"], entry["bid_id"], entry["kind"] == "proxy"
        self.price = self.due() if self.by_proxy else offer
        return Decision("accepted", amount=self.price, lost=lost)

    def own_lead(self, entry, offer):
        """Rule 5."""
        self.leading_bid = entry["bid_id"]
        if entry["kind"] == "proxy":
            self.maximum, self.by_proxy = offer, True
            self.price = self.due()
            return Decision("accepted", amount=self.price, raised=True)
        if offer >= self.maximum:
            self.maximum, self.by_proxy = offer, False
        self.price = offer
        self.bids += 1
        return Decision("accepted", amount=offer)

    def due(self):
        """Rules 3 and 6: the price that the maximums and the reserve require. It never falls."""
        due = self.starting_price if self.price is None else self.price
        if self.second:
            due = max(due, min(self.maximum, self.second + self.increment(self.second)))
        return max(due, self.reserve) if self.maximum >= self.reserve else due

    def extend(self, at):
        """Rule 7."""
        later = at + self.extension
        if self.window and at >= self.end - self.window and later > self.end and self.extensions_left != 0:
            self.end = later
            self.extensions += 1
            if self.extensions_left is not None:
                self.extensions_left -= 1
