#!/usr/bin/python3
"""The checker of flash sales (tests/support/sale_judge.py) with hand-made histories: it finds nothing in a good one, and
each kind of violation in a bad one. Prints "sale_judge_test: N passed, N failed" at the end.
"""
import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_judge import History, KINDS, Promise, judge  # noqa: E402 (needs the path above)

START, TURN, RESERVATION, END = 1000, 100, 300, 9000
PRICE = 500


def entry(seq, kind, user=None, quantity=0, at=START, **more):
    return {"seq": seq, "id": None if kind == "turn" else f"c{seq}", "kind": kind, "status": "accepted", "reason": None,
            "paid": False, "user": user, "quantity": quantity, "place": None, "order": None, "amount": None,
            "end": None, "refused": 0, "received": at, "decided": at, **more}


def turn(seq, user, place, at, quantity=1):
    return entry(seq, "turn", user, quantity, at, place=place)


def order(seq, user, at, quantity=1, place=None):
    return entry(seq, "order", user, quantity, at, order=f"c{seq}", place=place)


def about(seq, kind, user, of, at, quantity=1, **more):
    return entry(seq, kind, user, quantity, at, order=f"c{of}", **more)


def place_row(seq, user, status, claim=0):
    return {"seq": seq, "id": f"c{seq}", "user": user, "wanted": 1, "claim": claim, "status": status}


def order_row(seq, user, status, payment=None, quantity=1):
    return {"id": f"c{seq}", "seq": seq, "user": user, "quantity": quantity, "price": PRICE * quantity,
            "status": status, "reason": None, "expires": None, "payment": payment}


def sale(**state):
    return {"id": "s", "price": PRICE, "quantity": 2, "limit": 1, "start": START, "end": END, "turn": TURN,
            "reservation": RESERVATION, "payment": "none", "status": "active", "claimed": 0, "reserved": 0, "sold": 0,
            "waiting": 0, "ledger_seq": 0, **state}


def line():
    """Two units for four: ann buys, bob's turn runs out, cyd cancels, dot buys without a place. Sold out."""
    entries = [
        entry(1, "join", "ann", 1, START - 9), entry(2, "join", "bob", 1, START - 8), entry(3, "join", "cyd", 1, START - 7),
        entry(4, "start"), turn(5, "ann", 1, START), turn(6, "bob", 2, START),
        order(7, "ann", START + 1, place=1), about(8, "confirm", "ann", 7, START + 2),
        entry(9, "order", "cyd", 1, START + 3, status="rejected", reason="NOT_YOUR_TURN", order="c9"),
        entry(10, "expire", quantity=1, at=START + TURN), turn(11, "cyd", 3, START + TURN),
        order(12, "cyd", START + TURN + 1, place=3), about(13, "cancel", "cyd", 12, START + TURN + 2),
        order(14, "dot", START + TURN + 3), about(15, "confirm", "dot", 14, START + TURN + 4),
    ]
    places = [place_row(1, "ann", "ordered", 1), place_row(2, "bob", "expired", 1), place_row(3, "cyd", "ordered", 1)]
    orders = [order_row(7, "ann", "confirmed"), order_row(9, "cyd", "rejected"), order_row(12, "cyd", "cancelled"),
              order_row(14, "dot", "confirmed")]
    return History(sale(status="sold_out", sold=2, ledger_seq=15), entries, places, orders, [], START + 1000)


def paid():
    """Payments: ann's in time, bob's late with a free unit, cyd's when none is left, and one of a wrong amount."""
    entries = [
        order(1, "ann", START), order(2, "bob", START + 1),
        about(3, "confirm", "ann", 1, START + 2, paid=True, amount=PRICE - 1, status="rejected", reason="WRONG_AMOUNT"),
        about(4, "confirm", "ann", 1, START + 3, paid=True, amount=PRICE),
        about(5, "fail", "bob", 2, START + 4), order(6, "cyd", START + 5), about(7, "fail", "cyd", 6, START + 6),
        about(8, "confirm", "bob", 2, START + 7, paid=True, amount=PRICE),
    ]
    orders = [order_row(1, "ann", "confirmed", "c4"), order_row(2, "bob", "confirmed", "c8"),
              order_row(6, "cyd", "refund_due", "c9")]
    entries.append(about(9, "confirm", "cyd", 6, START + 8, paid=True, amount=PRICE))
    refunds = [{"id": "c3", "order": "c1", "amount": PRICE - 1}, {"id": "c9", "order": "c6", "amount": PRICE}]
    return History(sale(status="sold_out", sold=2, ledger_seq=9, payment="callback"), entries, [], orders, refunds,
                   START + 1000)


def running():
    """Two turns, a reservation and a line while the sale runs; then it has ended, and only the reservation stands."""
    entries = [order(1, "ann", START), entry(2, "join", "bob", 1, START + 1), turn(3, "bob", 2, START + 1),
               entry(4, "join", "cyd", 1, START + 2), entry(5, "join", "dot", 1, START + 3),
               entry(6, "leave", "cyd", 0, START + 4, place=4)]
    places = [place_row(2, "bob", "turn", 1), place_row(4, "cyd", "left"), place_row(5, "dot", "waiting")]
    return History(sale(claimed=1, reserved=1, waiting=1, ledger_seq=6), entries, places,
                   [order_row(1, "ann", "reserved")], [], START + 50)


def ended():
    history = running()
    history.entries.append(entry(7, "fence", at=END))
    history.sale.update(status="ended", claimed=0, waiting=0, ledger_seq=7)
    history.now = START + RESERVATION
    return history


def aborted():
    history = running()
    history.entries.append(entry(7, "abort", "boss", at=START + 9))
    history.sale.update(status="cancelled", claimed=0, waiting=0, reserved=0, ledger_seq=7)
    return history


GOOD = {"a line that is sold out": line, "payments": paid, "a running sale": running, "an ended sale": ended,
        "an aborted sale": aborted}


def entry_of(history, seq):
    return next(row for row in history.entries if row["seq"] == seq)


def row_of(rows, name, value):
    return next(row for row in rows if row[name] == value)


def append(history, row):
    history.entries.append(row)
    history.sale["ledger_seq"] = row["seq"]


def drop(history, seq):
    history.entries.remove(entry_of(history, seq))
    for number, row in enumerate(history.entries, 1):
        row["seq"] = number


# name, good history, what breaks it, kinds of which one must be reported
BAD = [
    ("three units of two are sold", line,
     lambda h: (append(h, order(16, "eve", START + 300)), h.orders.append(order_row(16, "eve", "reserved"))), {"units"}),
    ("a turn is granted without a free unit", running,
     lambda h: append(h, turn(7, "dot", 5, START + 5)), {"units"}),
    ("a claim above what was wanted", line, lambda h: entry_of(h, 5).update(quantity=2), {"units"}),
    ("a unit returns twice by cancel", line,
     lambda h: append(h, about(16, "cancel", "cyd", 12, START + 300)), {"units"}),
    ("a unit returns twice by expire", line, lambda h: entry_of(h, 10).update(quantity=2), {"units"}),
    ("an expire that returns nothing", line, lambda h: entry_of(h, 10).update(received=START + TURN - 1), {"units"}),
    ("the units of a confirmed order return", line,
     lambda h: append(h, about(16, "cancel", "ann", 7, START + 300)), {"units"}),
    ("a cancelled order is confirmed", line,
     lambda h: append(h, about(16, "confirm", "cyd", 12, START + 300)), {"units"}),
    ("the second place is served first", line,
     lambda h: (entry_of(h, 5).update(place=2), entry_of(h, 6).update(place=1)), {"order"}),
    ("the same place is served twice", line, lambda h: entry_of(h, 6).update(place=1), {"order"}),
    ("a place that left is served", running,
     lambda h: (append(h, about(7, "cancel", "ann", 1, START + 5)), append(h, turn(8, "cyd", 4, START + 5))), {"order"}),
    ("units stay free while somebody waits", running,
     lambda h: (append(h, about(7, "cancel", "ann", 1, START + 5)), append(h, entry(8, "join", "eve", 1, START + 6))),
     {"order"}),
    ("an order jumps the line", running, lambda h: append(h, order(7, "eve", START + 5)), {"order"}),
    ("an order while one waits", line, lambda h: entry_of(h, 9).update(status="accepted", reason=None), {"order"}),
    ("an order above the claim", line, lambda h: entry_of(h, 7).update(quantity=2), {"order"}),
    ("a second place of a user", running, lambda h: append(h, entry(7, "join", "dot", 1, START + 5)), {"order"}),
    ("a late payment passes the line", running,
     lambda h: (h.sale.update(payment="callback"), append(h, about(7, "confirm", "ann", 1, START + 400, paid=True,
                                                                   amount=PRICE))), {"order"}),
    ("a 202 without a decision", line, lambda h: drop(h, 9), {"lost"}),
    ("a 202 of a leave without a decision", running, lambda h: drop(h, 6), {"lost"}),
    ("a command that was decided twice", line, lambda h: entry_of(h, 9).update(id="c8"), {"twice"}),
    ("a 202 of another user", line, lambda h: entry_of(h, 9).update(user="dot"), {"answer"}),
    ("a 202 of another quantity", line, lambda h: entry_of(h, 9).update(quantity=7), {"answer"}),
    ("an order after its turn", line,
     lambda h: entry_of(h, 12).update(received=START + 2 * TURN, decided=START + 2 * TURN), {"late"}),
    ("a confirm after the reservation", line, lambda h: entry_of(h, 15).update(received=START + 2 * RESERVATION), {"late"}),
    ("a reservation that is kept too long", running, lambda h: setattr(h, "now", START + RESERVATION + 2001), {"late"}),
    ("a turn that is kept too long", running, lambda h: setattr(h, "now", START + TURN + 2002), {"late"}),
    ("a sale that ended early", ended, lambda h: entry_of(h, 7).update(received=END - 1), {"late"}),
    ("two units of a user with the limit one", line, lambda h: [
        row.update(user="ann") for row in [*h.entries[13:], *h.orders[3:]]], {"limit"}),
    ("a place above the limit", running, lambda h: entry_of(h, 5).update(quantity=2), {"limit"}),
    ("a wrong amount confirms", paid, lambda h: entry_of(h, 4).update(amount=PRICE - 1), {"money"}),
    ("a payment that bought nothing has no refund", paid, lambda h: h.refunds.pop(0), {"money"}),
    ("a payment in time is refunded", paid,
     lambda h: h.refunds.append({"id": "c4", "order": "c1", "amount": PRICE}), {"money"}),
    ("a refund without a payment", paid, lambda h: h.refunds.append({"id": "x", "order": "c1", "amount": 1}), {"money"}),
    ("a refund of another amount", paid, lambda h: h.refunds[0].update(amount=1), {"money"}),
    ("a buyer confirms where payments do", paid, lambda h: entry_of(h, 4).update(paid=False), {"money"}),
    ("a gap in the ledger", line, lambda h: entry_of(h, 15).update(seq=16), {"rows"}),
    ("a command after the sale was sold out", line, lambda h: append(h, entry(16, "join", "eve", 1, START + 300)), {"rows"}),
    ("the sale says another number", line, lambda h: h.sale.update(sold=1), {"rows"}),
    ("the sale is not sold out", line, lambda h: h.sale.update(status="active"), {"rows"}),
    ("an order is missing", line, lambda h: h.orders.pop(0), {"rows"}),
    ("a rejected order is missing", line, lambda h: h.orders.pop(1), {"rows"}),
    ("an order of nobody", line, lambda h: h.orders.append(order_row(99, "eve", "reserved")), {"rows"}),
    ("an order has another state", line, lambda h: row_of(h.orders, "id", "c12").update(status="confirmed"), {"rows"}),
    ("an order has another user", line, lambda h: row_of(h.orders, "id", "c7").update(user="eve"), {"rows"}),
    ("a place is missing", line, lambda h: h.places.pop(), {"rows"}),
    ("a place has another state", running, lambda h: row_of(h.places, "seq", 5).update(status="left"), {"rows"}),
    ("a leave ends another place", running, lambda h: entry_of(h, 6).update(place=5), {"rows"}),
    ("a confirm of an order that was rejected", line,
     lambda h: append(h, about(16, "confirm", "cyd", 9, START + 300)), {"rows"}),
    ("units are left while somebody waits", ended,
     lambda h: (h.entries.insert(6, about(7, "cancel", "ann", 1, END)), entry_of(h, 7).update(received=END),
                h.entries[7].update(seq=8)), {"unsold"}),
]


def promises(history):
    """What the users of a good history were promised: each command that is not of the programs."""
    own = ("join", "leave", "order", "confirm", "cancel")
    made = [Promise(row["kind"], row["user"], None if row["kind"] == "leave" else row["id"], row["order"],
                    row["quantity"] if row["kind"] in ("join", "order") else None)
            for row in history.entries if row["kind"] in own]
    return [promise for promise in made if not (promise.kind == "confirm" and history.sale["payment"] == "callback")]


def wrong_of_good(make):
    history = make()
    return "; ".join(str(violation) for violation in judge(history, promises(history)))


def wrong_of_bad(make, damage, kinds):
    history = make()
    promised = promises(copy.deepcopy(history))
    damage(history)
    found = {violation.kind for violation in judge(history, promised)}
    return "" if found & kinds else f"reported {sorted(found)}, not {sorted(kinds)}"


def main():
    results = [(name, wrong_of_good(make)) for name, make in GOOD.items()]
    results += [(name, wrong_of_bad(make, damage, kinds)) for name, make, damage, kinds in BAD]
    untested = set(KINDS) - set().union(*(kinds for *_, kinds in BAD))
    results.append(("every kind is reported", f"not by {sorted(untested)}" if untested else ""))
    for name, wrong in results:
        if wrong:
            print(f"FAILED {name}: {wrong}")
    failed = sum(wrong != "" for _, wrong in results)
    print(f"sale_judge_test: {len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
