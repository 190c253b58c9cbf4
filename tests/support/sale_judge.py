"""The independent checker of a flash sale: judges its rows by arithmetic alone, and by what its buyers saw.

It uses no code of the programs, and keeps no counters of units. Each unit has an owner: a place in its turn, an order,
or nobody. Each entry of the ledger moves units between owners. Amounts are cents, times are milliseconds since the
epoch. Called by the tests of tests/chaos; tested by tests/unit/sale_judge_test.py with bad histories.

A violation has one of these kinds:
  units   more units have owners than there are, or a unit returned twice
  order   a place was served before an earlier one, or units stayed free while somebody waited
  lost    a command that was answered 202 has no decision
  twice   it has two
  answer  a decision differs from the promise: another user, quantity or order
  late    a turn or reservation was used after its time, or kept longer than its time and the grace
  limit   a user had more units than the limit
  money   a payment that confirmed nothing has no refund, a refund has no payment, or a wrong amount confirmed
  rows    the row of the sale, a place or an order differs from the ledger
  unsold  the sale ended with free units while somebody waited
"""
import collections
import dataclasses

from database import query_rows

KINDS = ("units", "order", "lost", "twice", "answer", "late", "limit", "money", "rows", "unsold")
EXPIRED_AT_ONCE = 500  # turns, and reservations, that one EXPIRE ends
OPENING = ("open", "start", "join", "leave", "order", "update", "extend", "close")  # they start a sale in time


@dataclasses.dataclass(frozen=True)
class Violation:
    """What is wrong."""

    kind: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


@dataclasses.dataclass
class Promise:
    """A command that was answered 202: what its user was promised."""

    kind: str  # as in the ledger
    user: str = None  # None: a payment callback
    id: str = None  # of the command; None: the answer does not name it
    order: str = None
    quantity: int = None


@dataclasses.dataclass
class History:
    """The rows of one sale, as dictionaries; `entries` are those of the ledger in the order of seq."""

    sale: dict
    entries: list
    places: list
    orders: list
    refunds: list
    now: int


# --- reading ---


def ms(column):
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


def cents(column):
    return f"({column} * 100)::bigint"


def statement(sale):
    """One statement, so that all rows are of one snapshot."""
    tables = {
        "sale": f"""SELECT id, {cents("price")} AS price, quantity, per_user_limit AS "limit", {ms("start_time")} AS start,
            {ms("end_time")} AS "end", turn_s * 1000 AS turn, reservation_s * 1000 AS reservation, payment, status,
            claimed, reserved, sold, waiting, ledger_seq FROM flash_sales WHERE id = '{sale}'""",
        "entry": f"""SELECT seq, command_id AS id, kind, status, reason, paid, user_id AS "user", quantity, place,
            order_id AS "order", {cents("amount")} AS amount, {ms("end_time")} AS "end", refused_ms AS refused,
            {ms("received_at")} AS received, {ms("decided_at")} AS decided FROM sale_ledger WHERE sale_id = '{sale}'""",
        "place": f"""SELECT seq, id, user_id AS "user", wanted, claim, status FROM queue_entries
            WHERE sale_id = '{sale}'""",
        "order": f"""SELECT id, seq, user_id AS "user", quantity, {cents("total_price")} AS price, status, reason,
            {ms("expires_at")} AS expires, payment_id AS payment FROM orders WHERE sale_id = '{sale}'""",
        "refund": f"""SELECT id, order_id AS "order", {cents("amount")} AS amount FROM refunds
            WHERE sale_id = '{sale}'""",
        "now": f"SELECT {ms('clock_timestamp()')} AS now",
    }
    return " UNION ALL ".join(f"SELECT '{name}' AS name, to_jsonb(t) AS row FROM ({text}) t"
                              for name, text in tables.items())


def read(sale, timeout=None):
    """The history of a sale whose terms and end were never changed. Raises DatabaseError."""
    found = collections.defaultdict(list)
    for row in query_rows(statement(sale), None, timeout):
        found[row["name"]].append(row["row"])
    return History(found["sale"][0], sorted(found["entry"], key=lambda row: row["seq"]), found["place"],
                   found["order"], found["refund"], found["now"][0]["now"])


# --- the ledger ---


@dataclasses.dataclass(eq=False)
class Owner:
    """Units of a place in the line, or of an order. `status` is written by Walk.move alone."""

    key: object  # seq of the place; id of the order
    user: str
    quantity: int
    status: str
    expires: int = None  # of a turn or reservation


class Walk:
    """Follows the units through the ledger."""

    def __init__(self, history):
        self.terms, self.violations = history.sale, []
        self.places, self.orders = {}, {}
        self.by_status = collections.defaultdict(collections.OrderedDict)  # owners in the order of their arrival
        self.by_user = collections.defaultdict(list)
        self.refunds = {row["id"] for row in history.refunds}
        self.active, self.over = False, None  # over: what ended the sale
        self.ended_free = None  # (free units, waiting places) when it ended by its time
        for number, row in enumerate(history.entries, 1):
            if row["seq"] != number:
                self.differ("rows", row, f"should have number {number}")
            if row["kind"] != "turn":
                self.check_served(row)
            if row["status"] == "accepted":
                getattr(self, f"take_{row['kind']}", self.take_nothing)(row)
            if self.free() < 0:
                self.differ("units", row, f"leaves {self.free()} units free")
            if not self.over and self.sum("confirmed") == self.terms["quantity"]:
                self.close("sold_out")

    def differ(self, kind, row, what):
        self.violations.append(Violation(kind, f"entry {row['seq']} ({row['kind']}) {what}"))

    def add(self, owners, owner):
        owners[owner.key] = owner
        self.by_user[owner.user].append(owner)
        self.by_status[owner.status][owner] = None

    def move(self, owner, status):
        self.by_status[owner.status].pop(owner, None)
        owner.status = status
        self.by_status[status][owner] = None

    def sum(self, status):
        return sum(owner.quantity for owner in self.by_status[status])

    def free(self):
        return self.terms["quantity"] - sum(self.sum(status) for status in ("turn", "reserved", "confirmed"))

    def waiting(self):
        return len(self.by_status["waiting"])

    def live_place(self, user):
        return next((owner for owner in self.by_user[user] if owner.status in ("waiting", "turn")), None)

    def check_limit(self, row, user):
        held = sum(owner.quantity for owner in self.by_user[user]
                   if owner.status in ("waiting", "turn", "reserved", "confirmed"))
        if held > self.terms["limit"]:
            self.differ("limit", row, f"leaves {held} units to {user}")

    def check_served(self, row):
        """The turns that were due come before the next command."""
        if (self.active and not self.over and row["decided"] < self.terms["end"] and self.waiting() > 0
                and self.free() > 0):
            self.differ("order", row, f"came while {self.free()} units were free and {self.waiting()} waited")
        if row["kind"] in OPENING and self.terms["start"] <= row["received"] < self.terms["end"]:
            self.active = True

    def close(self, how):
        self.over = how
        for status in ("waiting", "turn"):
            for owner in list(self.by_status[status]):
                self.move(owner, "closed")

    # --- one entry ---

    def take_nothing(self, row):
        if self.over:
            self.differ("rows", row, f"was accepted after the sale was over ({self.over})")

    def take_join(self, row):
        self.take_nothing(row)
        if self.live_place(row["user"]) is not None:
            self.differ("order", row, f"gives {row['user']} a second place")
        self.add(self.places, Owner(row["seq"], row["user"], row["quantity"], "waiting"))
        self.check_limit(row, row["user"])

    def take_turn(self, row):
        place, first = self.places.get(row["place"]), next(iter(self.by_status["waiting"]), None)
        if place is None or place is not first:
            self.differ("order", row, f"serves place {row['place']}, the first that waits is {first}")
        if place is None:
            return
        if not 1 <= row["quantity"] <= place.quantity:
            self.differ("units", row, f"claims {row['quantity']} units of {place.quantity} wanted")
        if place.status != "waiting":
            self.differ("units", row, f"serves a place that is {place.status}")
        place.quantity, place.expires = row["quantity"], min(row["decided"] + self.terms["turn"], self.terms["end"])
        self.move(place, "turn")

    def take_leave(self, row):
        live = self.live_place(row["user"])
        if live is None or live.key != row["place"]:
            self.differ("rows", row, f"ends place {row['place']}, the user's is {live}")
        if live is not None:
            self.move(live, "left")

    def take_order(self, row):
        self.take_nothing(row)
        place = self.live_place(row["user"])
        if place is None and (self.waiting() > 0 or row["quantity"] > self.free()):
            self.differ("order", row, "was served without a place while others waited or nothing was free")
        if place is not None:
            if place.status != "turn" or row["quantity"] > place.quantity:
                self.differ("order", row, f"takes {row['quantity']} units out of turn, or more than the claim")
            elif row["received"] >= place.expires + row["refused"]:
                self.differ("late", row, f"came {row['received'] - place.expires} ms after its turn")
            self.move(place, "ordered")
        expires = row["decided"] + self.terms["reservation"]
        self.add(self.orders, Owner(row["id"], row["user"], row["quantity"], "reserved", expires))
        self.check_limit(row, row["user"])

    def order_of(self, row):
        order = self.orders.get(row["order"])
        if order is None:
            self.differ("rows", row, f"is about an order that was not accepted: {row['order']}")
            return Owner(row["order"], row["user"], 0, "missing")
        return order

    def take_confirm(self, row):
        order = self.order_of(row)
        in_time = order.expires is not None and row["received"] < order.expires + row["refused"]
        if row["paid"] and row["amount"] != order.quantity * self.terms["price"]:
            self.differ("money", row, f"took {row['amount']} for {order.quantity} units")
        if row["paid"] != (self.terms["payment"] == "callback"):
            self.differ("money", row, "was confirmed by the wrong side")
        if row["id"] in self.refunds:
            if order.status == "reserved" and in_time:
                self.differ("money", row, "was refunded although it was paid in time")
            self.move(order, "refund_due")
        else:
            self.check_confirmed(row, order, in_time)
            self.move(order, "confirmed")
            self.check_limit(row, order.user)

    def check_confirmed(self, row, order, in_time):
        """A payment may confirm late, with units that nobody else has a right to; a buyer may not."""
        late = order.status in ("expired", "failed") or (order.status == "reserved" and not in_time)
        if not late and order.status != "reserved":
            self.differ("units", row, f"confirms an order that is {order.status}")
        elif late and not row["paid"]:
            self.differ("late", row, f"confirms an order that is {order.status}, after its time")
        elif late and self.waiting() > 0:
            self.differ("order", row, "confirms late while others wait")

    def return_units(self, row, status):
        order = self.order_of(row)
        if order.status != "reserved":
            self.differ("units", row, f"returns the units of an order that is {order.status}")
        self.move(order, status)

    def take_cancel(self, row):
        self.return_units(row, "cancelled")

    def take_fail(self, row):
        self.return_units(row, "failed")

    def take_expire(self, row):
        due, returned = row["received"] - row["refused"], 0
        for status in ("turn", "reserved"):
            ended = [owner for owner in self.by_status[status] if owner.expires <= due]
            for owner in ended[:EXPIRED_AT_ONCE]:
                returned += owner.quantity
                self.move(owner, "expired")
        if returned != row["quantity"]:
            self.differ("units", row, f"returned {row['quantity']} units, {returned} were due")

    def take_fence(self, row):
        if row["received"] < self.terms["end"]:
            self.differ("late", row, f"ended the sale {self.terms['end'] - row['received']} ms early")
        self.ended_free = (self.free(), self.waiting())
        self.close("ended")

    def take_close(self, row):
        self.take_nothing(row)
        self.close("ended")

    def take_abort(self, row):
        self.take_nothing(row)
        self.close("cancelled")
        for order in list(self.by_status["reserved"]):
            self.move(order, "cancelled")


# --- the promises of answers ---


def judge_promises(history, promises):
    """Every 202 has one decision, as promised."""
    decisions = collections.defaultdict(list)
    for row in history.entries:
        if row["kind"] != "turn":
            decisions[row["id"]].append(row)
    for command, rows in decisions.items():
        if len(rows) > 1:
            yield Violation("twice", f"command {command} has {len(rows)} decisions")
    unnamed = collections.Counter()
    for promise in promises:
        if promise.id is None:
            unnamed[(promise.kind, promise.user, promise.order)] += 1
            continue
        rows = decisions.get(promise.id, [])
        if not rows:
            yield Violation("lost", f"{promise} has no decision")
        for row in rows:
            yield from compare_promise(promise, row)
    found = collections.Counter((row["kind"], row["user"], row["order"]) for row in history.entries)
    for content, count in (unnamed - found).items():
        yield Violation("lost", f"{count} times {content} has no decision")


def compare_promise(promise, row):
    for name in ("kind", "user", "order", "quantity"):
        promised = getattr(promise, name)
        if promised is not None and row[name] != promised:
            yield Violation("answer", f"{promise} was decided with the {name} {row[name]}")


# --- the other rows ---


def judge_rows(history, walk):
    """Places, orders and the row of the sale say what the ledger says."""
    places = {row["seq"]: row for row in history.places}
    orders = {row["id"]: row for row in history.orders if row["status"] != "rejected"}
    for name, rows, owners in (("place", places, walk.places), ("order", orders, walk.orders)):
        for key in set(rows) ^ set(owners):
            yield Violation("rows", f"{name} {key} is {'missing' if key in owners else 'in no entry of the ledger'}")
        for key in set(rows) & set(owners):
            found, due = rows[key]["status"], owners[key].status
            if found != due and not derived(due, found, walk.over) or rows[key]["user"] != owners[key].user:
                yield Violation("rows", f"{name} {key} is {found} of {rows[key]['user']}, by the ledger {due} of"
                                        f" {owners[key].user}")
    rejected = {row["id"] for row in history.entries if row["kind"] == "order" and row["status"] == "rejected"}
    for key in rejected ^ {row["id"] for row in history.orders if row["status"] == "rejected"}:
        yield Violation("rows", f"the ledger and the orders differ about the rejected order {key}")
    yield from judge_counters(history.sale, walk, len(history.entries))


def derived(due, found, over):
    """States of rows that are not written when the sale ends, or that an admin writes."""
    return (due == "closed" and found in ("waiting", "turn") or due == "refund_due" and found == "refunded"
            or over == "cancelled" and due == "cancelled" and found == "reserved")


def judge_counters(sale, walk, entries):
    expected = {"claimed": walk.sum("turn"), "reserved": walk.sum("reserved"), "sold": walk.sum("confirmed"),
                "waiting": walk.waiting(), "ledger_seq": entries}
    found = {name: sale[name] for name in expected}
    if found != expected:
        yield Violation("rows", f"the sale says {found}, its ledger {expected}")
    if (sale["status"] == "sold_out") != (walk.over == "sold_out"):
        yield Violation("rows", f"the sale is {sale['status']}, by its ledger {walk.over}")


def judge_money(history):
    """A payment either confirmed its order, or has a refund; nothing else has one."""
    payments = {row["id"]: row for row in history.entries if row["paid"] and row["kind"] == "confirm"}
    confirmed = {row["payment"] for row in history.orders if row["status"] == "confirmed"}
    refunds = {row["id"]: row for row in history.refunds}
    for command, row in payments.items():
        if row["status"] == "unchanged":
            continue
        if (command in refunds) == (command in confirmed):
            yield Violation("money", f"payment {command} confirmed {command in confirmed}, refund {command in refunds}")
        if command in refunds and refunds[command]["amount"] != row["amount"]:
            yield Violation("money", f"payment {command} of {row['amount']} has a refund of another amount")
    for command in set(refunds) - set(payments):
        yield Violation("money", f"refund {command} has no payment")


def judge_times(history, walk, grace_ms, outage_ms):
    """Nothing is held longer than its time, the grace, and the time in which the deployment could not decide."""
    latest = history.now - grace_ms - outage_ms
    for owner in [*walk.by_status["turn"], *walk.by_status["reserved"]]:
        if owner.expires < latest:
            yield Violation("late", f"{owner} still holds units {history.now - owner.expires} ms after its time")


def judge_end(walk):
    """Fewer units than there are were sold only if nobody was left waiting."""
    if walk.ended_free is not None and walk.ended_free[0] > 0 and walk.ended_free[1] > 0:
        yield Violation("unsold", f"{walk.ended_free[0]} units were free at the end, and {walk.ended_free[1]} waited")


def judge(history, promises=(), grace_ms=2000, outage_ms=0):
    """The violations. Work that is still to be done shows as well: a join that waits for its decision, for example."""
    walk = Walk(history)
    violations = list(walk.violations)
    violations += judge_promises(history, promises)
    violations += judge_rows(history, walk)
    violations += judge_money(history)
    violations += judge_times(history, walk, grace_ms, outage_ms)
    violations += judge_end(walk)
    return violations
