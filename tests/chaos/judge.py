"""The independent checker: judges a ledger by what clients saw (bidders.Record) and by SQL alone.

It uses no code of the programs; the rules are those of evaluator.py. Called by faults.py after each fault, and by
checker_test.py with broken ledgers. Amounts are cents, times are milliseconds since the epoch.

A violation has one of these kinds:
  lost     a bid that was answered 202 has no decision
  twice    it has two
  order    a client's bids on an auction were not decided in the order of the answers
  amount   a decision has another amount, bidder or time of receipt than was promised
  late     a bid in time was treated as late, or a late one as in time; or an answer refused it without reason
  unasked  a decision of a bid that no client sent
  rules    a decision or the state of an auction differs from the rules
  end      an auction that was due did not end once and settle once, or ended early
  notices  the users who lost a lead, and the notifications about it, differ; or those about the outcome
"""
import collections
import dataclasses

from database import query_rows
from evaluator import Auction

KINDS = ("lost", "twice", "order", "amount", "late", "unasked", "rules", "end", "notices")
TOLERANCE_MS = 200  # clock_skew_max_ms; below it, clocks of client, gateway and database prove nothing
LEAD_KINDS = ("OUTBID", "PROXY_EXHAUSTED")
OUTCOME_KINDS = ("AUCTION_WON", "AUCTION_LOST", "AUCTION_SOLD", "AUCTION_UNSOLD")


@dataclasses.dataclass(frozen=True)
class Violation:
    """What is wrong."""

    kind: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


# --- reading ---


def ms(column):
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


def cents(column):
    return f"({column} * 100)::bigint"


def statement(auctions, users):
    """One statement, so that all rows are of one snapshot."""
    lots = ", ".join(f"'{each}'" for each in auctions)
    bidders = ", ".join(f"'{each}'" for each in users)
    tables = {
        "auction": f"""SELECT id, seller_id, {cents("starting_price")} AS starting_price,
            {cents("reserve_price")} AS reserve_price, increments, snipe_window_s * 1000 AS snipe_window,
            snipe_extension_s * 1000 AS snipe_extension, snipe_max, {ms("start_time")} AS start,
            {ms("original_end_time")} AS original_end, {ms("end_time")} AS "end",
            {ms("coalesce(published_at, created_at)")} AS published, status, extensions_used AS extensions,
            {cents("current_bid")} AS price, {cents("minimum_bid")} AS minimum, bid_count AS bids, leader_id AS leader,
            leader_bid_id AS leading_bid, {cents("leader_max")} AS maximum, {cents("runner_up_max")} AS "second",
            ledger_seq, winner_id AS winner, winning_bid_id AS winning_bid, {ms("settled_at")} AS settled
            FROM auctions WHERE id IN ({lots})""",
        "entry": f"""SELECT auction_id, seq, bid_id, bidder_id, kind, status, reason, raise AS raised,
            {cents("amount")} AS amount, {cents("max_amount")} AS max_amount, {ms("received_at")} AS received,
            {ms("decided_at")} AS decided FROM bids WHERE auction_id IN ({lots}) OR bidder_id IN ({bidders})""",
        "notice": f"""SELECT id, user_id, kind, auction_id, {cents("amount")} AS amount FROM notifications
            WHERE auction_id IN ({lots})""",
        "now": f"SELECT {ms('clock_timestamp()')} AS now",
    }
    return " UNION ALL ".join(f"SELECT '{name}' AS name, to_jsonb(t) AS row FROM ({text}) t"
                              for name, text in tables.items())


class Ledger:
    """The rows of some auctions: terms and state, entries in the order of deciding, and notifications."""

    def __init__(self, auctions, users, schema=None, timeout=None):
        found = collections.defaultdict(list)
        for row in query_rows(statement(auctions, users), schema, timeout):
            found[row["name"]].append(row["row"])
        self.now, self.notices = found["now"][0]["now"], found["notice"]
        self.auctions = {row["id"]: row for row in found["auction"]}
        for row in self.auctions.values():
            row["increments"] = [(int(step["from"] * 100), int(step["increment"] * 100)) for step in row["increments"]]
        self.entries = collections.defaultdict(list)  # by auction
        self.decisions = collections.defaultdict(list)  # by bid
        for row in sorted(found["entry"], key=lambda row: (row["auction_id"], row["seq"])):
            self.entries[row["auction_id"]].append(row)
            self.decisions[row["bid_id"]].append(row)


def read(record, schema=None, timeout=None):
    """The ledger of the record's auctions and users. Raises DatabaseError."""
    return Ledger(record.auctions, record.users, schema, timeout)


# --- the promises of single answers ---


def judge_promises(record, ledger):
    """Every 202 has one decision, as promised."""
    known = set()
    for bid in record.taken():
        rows = ledger.decisions.get(bid.id, [])
        if not rows:
            yield Violation("lost", f"{bid} has no decision")
        elif len(rows) > 1:
            yield Violation("twice", f"{bid} has {len(rows)} decisions")
        for row in rows:
            yield from compare_promise(bid, row)
            # A repeated bid may have been received at any of its attempts.
            if bid.attempts == 1 and bid.id not in known and row["received"] != bid.received:
                yield Violation("amount", f"{bid} was promised receipt at {bid.received}, not {row['received']}")
        known.add(bid.id)


def compare_promise(bid, row):
    expected = (bid.user, bid.auction, bid.kind, bid.amount, bid.amount)
    amount = row["amount"] if row["kind"] == "bid" else row["max_amount"]
    found = (row["bidder_id"], row["auction_id"], row["kind"], amount, bid.promised)
    if found != expected:
        yield Violation("amount", f"{bid} was decided as {found}")


def judge_order(record, ledger):
    """Each client's bids on an auction are decided in the order of the answers."""
    last, known = {}, set()
    for bid in record.taken():
        if bid.id in known:
            continue  # an answer that names an earlier bid; judge_promises compares its amount
        known.add(bid.id)
        for row in ledger.decisions.get(bid.id, [])[:1]:
            pair = (bid.user, bid.auction)
            if row["seq"] <= last.get(pair, 0):
                yield Violation("order", f"{bid} was decided as {row['seq']}, a bid answered before as {last[pair]}")
            last[pair] = row["seq"]


def judge_unasked(record, ledger):
    """Every bid of the ledger was sent, and none of them was refused for certain. A repeated bid is in it once."""
    known = {bid.id for bid in record.taken()}
    repeated = {bid.content() for bid in record.taken() if bid.attempts > 1}
    open_questions = collections.Counter(bid.content() for bid in record.bids if bid.unknown and not bid.taken())
    for entries in ledger.entries.values():
        for row in entries:
            if row["kind"] not in ("bid", "proxy") or row["bid_id"] in known:
                continue
            amount = row["amount"] if row["kind"] == "bid" else row["max_amount"]
            content = (row["bidder_id"], row["auction_id"], row["kind"], amount)
            open_questions[content] -= 1
            if open_questions[content] < 0:
                kind = "twice" if content in repeated else "unasked"
                yield Violation(kind, f"entry {row['seq']} of {row['auction_id']}: nobody sent another {content}")


# --- time ---


def judge_refusals(record, ledger, replays):
    """Bids that were refused at once: not by a time or minimum that did not hold then."""
    for bid in record.bids:
        auction = ledger.auctions.get(bid.auction)
        if auction is None or bid.taken():
            continue
        replay = replays[bid.auction]
        if bid.code == "AUCTION_ENDED" and bid.answered < replay.auction.end - TOLERANCE_MS:
            yield Violation("late", f"{bid} was refused as late, the end is {replay.auction.end}")
        if bid.code == "AUCTION_NOT_STARTED" and bid.sent > auction["start"] + TOLERANCE_MS:
            yield Violation("late", f"{bid} was refused as early, the start was {auction['start']}")
        if bid.code == "BID_TOO_LOW" and bid.amount >= replay.minimum_at(bid.answered):
            yield Violation("late", f"{bid} was refused as too low, the minimum was {replay.minimum_at(bid.answered)}")


def judge_times(record, replays):
    """Decisions about the time, by the clock of the client."""
    bids = {bid.id: bid for bid in record.taken()}
    for replay in replays.values():
        for row, end in replay.ends:
            bid = bids.get(row["bid_id"])
            if bid is None:
                continue
            if row["status"] != "rejected" and bid.sent > end + TOLERANCE_MS:
                yield Violation("late", f"{bid} was {row['status']}, the end was {end}")
            if row["reason"] == "AUCTION_ENDED" and bid.answered < end - TOLERANCE_MS:
                yield Violation("late", f"{bid} was rejected as late, the end was {end}")


# --- the rules ---


class Replay:
    """Decides every entry of an auction again."""

    def __init__(self, terms, entries):
        self.auction = Auction(terms)
        self.violations = []
        self.lost_leads = []  # (user, kind, amount)
        self.ends = []  # (entry of a bid, the end that held when it was decided)
        self.minimums = []  # (time of the decision, the minimum after it)
        self.closings = []  # entries that ended the auction
        self.first_minimum = self.auction.minimum()
        due = None  # the automatic answer that must come next
        for number, row in enumerate(entries, 1):
            if row["seq"] != number:
                self.differ("rules", row, f"should have number {number}")
            if due is not None or row["kind"] == "auto":
                due = self.answer(row, due)
            if row["kind"] != "auto":
                due = self.decide(row)
        if due is not None:
            self.violations.append(Violation("rules", f"the last entry of {terms['id']} lacks its automatic answer"))

    def differ(self, kind, row, what):
        self.violations.append(Violation(kind, f"entry {row['seq']} of {row['auction_id']} {what}"))

    def answer(self, row, due):
        """Compares an entry with the automatic answer that is due at its place. Returns what is due after it."""
        found = (row["bidder_id"], row["amount"]) if row["kind"] == "auto" else None
        if found != due:
            self.differ("rules", row, f"has the automatic answer {found}, by the rules it is {due}")

    def decide(self, row):
        end = self.auction.end
        decision = self.auction.decide(row)
        if row["kind"] in ("bid", "proxy"):
            self.ends.append((row, end))
        elif row["kind"] == "end":
            self.closings.append(row)
        if decision is None:
            self.differ("end" if row["kind"] == "end" else "rules", row, f"({row['kind']}) has no effect by the rules")
            return None
        expected = (decision.status, decision.reason, decision.raised)
        found = (row["status"], row["reason"], row["raised"])
        if found != expected:
            kind = "late" if "AUCTION_ENDED" in (decision.reason, row["reason"]) else "rules"
            self.differ(kind, row, f"was decided {found}, by the rules {expected}")
        if decision.amount is not None and row["amount"] != decision.amount:
            self.differ("rules", row, f"has amount {row['amount']}, by the rules {decision.amount}")
        if decision.lost:
            self.lost_leads.append((*decision.lost, self.auction.price))
        self.minimums.append((row["decided"], self.auction.minimum()))
        return decision.answer

    def minimum_at(self, time):
        """The minimum of an auction at this time; decisions of the last moments before it are counted."""
        return next((minimum for decided, minimum in reversed(self.minimums) if decided <= time + TOLERANCE_MS),
                    self.first_minimum)


def judge_rules(ledger, replays):
    """Every decision, and the state that they led to."""
    for name, replay in replays.items():
        yield from replay.violations
        row, state = ledger.auctions[name], replay.auction
        expected = {"price": state.price, "minimum": state.minimum(), "bids": state.bids, "leader": state.leader,
                    "leading_bid": state.leading_bid, "maximum": state.maximum or None, "second": state.second or None,
                    "end": state.end, "extensions": state.extensions, "ledger_seq": len(ledger.entries[name])}
        found = {column: row[column] for column in expected}
        if found != expected:
            wrong = {column: (found[column], due) for column, due in expected.items() if found[column] != due}
            yield Violation("rules", f"auction {name} has (found, by the rules) {wrong}")


# --- ends and notices ---


def judge_ends(ledger, replays):
    """Each auction that was due has ended once, not early, and is settled by the rules."""
    for name, replay in replays.items():
        row, state = ledger.auctions[name], replay.auction
        for closing in replay.closings:
            if closing["decided"] < state.end - TOLERANCE_MS:
                yield Violation("end", f"auction {name} ended at {closing['decided']}, before {state.end}")
        if len(replay.closings) > 1:
            yield Violation("end", f"auction {name} ended {len(replay.closings)} times")
        if state.status != "ended":
            if state.end < ledger.now:
                yield Violation("end", f"auction {name} has not ended, it was due at {state.end}")
            if row["status"] != state.status or row["settled"] is not None:
                yield Violation("end", f"auction {name} is {row['status']}, by the rules {state.status}")
            continue
        sold = state.outcome() == "sold"
        expected = (state.outcome(), state.leader if sold else None, state.leading_bid if sold else None, True)
        found = (row["status"], row["winner"], row["winning_bid"], row["settled"] is not None)
        if found != expected:
            yield Violation("end", f"auction {name} was settled as {found}, by the rules {expected}")


def lead_notices(replays):
    """One for each lost lead."""
    return collections.Counter((user, kind, name, amount) for name, replay in replays.items()
                               for user, kind, amount in replay.lost_leads)


def outcome_notices(ledger, replays):
    """One for the seller and one for each bidder of a public bid."""
    expected = collections.Counter()
    for name, replay in replays.items():
        state = replay.auction
        if state.status != "ended":
            continue
        sold = state.outcome() == "sold"
        expected[(state.seller, "AUCTION_SOLD" if sold else "AUCTION_UNSOLD", name)] += 1
        bidders = {row["bidder_id"] for row in ledger.entries[name]
                   if row["kind"] in ("bid", "proxy", "auto") and row["status"] != "rejected"}
        for user in bidders:
            expected[(user, "AUCTION_WON" if sold and user == state.leader else "AUCTION_LOST", name)] += 1
    return expected


def compare_notices(found, expected, where):
    for notice, count in (expected - found).items():
        yield Violation("notices", f"{where}: {count} missing: {notice}")
    for notice, count in (found - expected).items():
        yield Violation("notices", f"{where}: {count} too many: {notice}")


def judge_notices(record, ledger, replays):
    """Lost leads and outcomes, in SQL and as the users saw them."""
    leads, outcomes = lead_notices(replays), outcome_notices(ledger, replays)
    rows = [(row["user_id"], row["kind"], row["auction_id"], row["amount"]) for row in ledger.notices]
    yield from compare_notices(collections.Counter(row for row in rows if row[1] in LEAD_KINDS), leads, "SQL")
    yield from compare_notices(collections.Counter(row[:3] for row in rows if row[1] in OUTCOME_KINDS), outcomes, "SQL")
    if record.notices is not None:
        seen = collections.Counter(notice for notice in record.notices if notice[1] in LEAD_KINDS)
        yield from compare_notices(seen, leads, "seen")


# --- all of it ---


def judge(record, ledger):
    """The violations. Work that is still to be done shows as well: a bid that waits for its decision, for example."""
    missing = set(record.auctions) - set(ledger.auctions)
    violations = [Violation("rules", f"auction {name} has no row") for name in missing]
    replays = {name: Replay(terms, ledger.entries[name]) for name, terms in ledger.auctions.items()}
    violations += judge_promises(record, ledger)
    violations += judge_order(record, ledger)
    violations += judge_unasked(record, ledger)
    violations += judge_refusals(record, ledger, replays)
    violations += judge_times(record, replays)
    violations += judge_rules(ledger, replays)
    violations += judge_ends(ledger, replays)
    violations += judge_notices(record, ledger, replays)
    return violations


def longest_wait(record, ledger, auctions, start):
    """The longest time, in ms, that anybody who began to bid at `start` or later had to try until a bid was decided.

    Over all `auctions`, which must be open all the time. None: on one of them no later bid was decided.
    """
    longest = 0
    for name in auctions:
        decided = [(bid.sent, ledger.decisions[bid.id][0]["decided"]) for bid in record.taken()
                   if bid.auction == name and bid.sent >= start and bid.id in ledger.decisions]
        if not decided:
            return None
        soonest = float("inf")  # of the decisions of the bids that were sent at `sent` or later
        for (sent, time), before in zip(reversed(decided), reversed([start] + [sent for sent, _ in decided[:-1]])):
            soonest = min(soonest, time)
            longest = max(longest, soonest - before)
    return longest
