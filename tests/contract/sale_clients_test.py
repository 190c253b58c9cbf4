#!/usr/bin/python3
"""Two small clients of a flash sale, who know the API only by its OpenAPI and AsyncAPI documents.

The first joins, waits, gets its turn by WebSocket, orders and confirms. The second gets a turn and lets it run out: its
unit goes to the next in line. Started by tests/run, which sets ROSTRUM_HTTP_URL.
"""
import os
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from api_client import ApiClient, wait_for  # noqa: E402 (needs the path above)
from live_socket import LiveSocket  # noqa: E402
from sale_shop import Shop  # noqa: E402

LASTS_S = 600
WAIT = {"Prefer": "wait=10"}
JOIN, ORDER = ("POST", "/api/v1/queue/join"), ("POST", "/api/v1/orders")
CONFIRM, VIEW = ("POST", "/api/v1/orders/{id}/confirm"), ("GET", "/api/v1/flash-sales/{id}")


class SaleClient:
    """A user with a WebSocket that watches one sale."""

    def __init__(self, api, name, sale):
        self.api, self.sale = api, sale
        self.token = api.new_user(name)
        self.socket = LiveSocket(api.url, self.token)
        self.socket.send(type="inventory:watch", flashSaleId=sale)
        self.socket.wait_for("inventory:update")

    def call(self, operation, body=None, **parameters):
        return self.api.call_ok(self.api.name_at(*operation), body, self.token, WAIT, **parameters)

    def join(self):
        return self.call(JOIN, {"flashSaleId": self.sale, "quantity": 1})

    def order(self):
        return self.call(ORDER, {"flashSaleId": self.sale, "quantity": 1})

    def wait_for_place(self, status):
        return self.socket.wait_for("queue:position-update", lambda message: message["status"] == status)

    def wait_for_order(self, status):
        return self.socket.wait_for("order:update", lambda message: message["status"] == status)


def test_a_client_waits_gets_its_turn_and_buys(api, shop):
    sale = shop.new_sale(1, LASTS_S, turnSeconds=3)
    first, client = SaleClient(api, "First", sale), SaleClient(api, "Client", sale)
    assert first.join()["status"] in ("waiting", "turn")
    first.wait_for_place("turn")
    joined = client.join()
    assert (joined["status"], joined["position"]) == ("waiting", 1), joined
    client.wait_for_place("turn")  # that of the first has run out
    you = client.call(VIEW, id=sale)["you"]
    assert (you["position"], you["status"]) == (0, "turn"), you
    order = client.order()
    assert order["status"] == "reserved" and order["expiresAt"], order
    client.wait_for_order("reserved")
    client.call(CONFIRM, id=order["orderId"])
    client.wait_for_order("confirmed")
    client.socket.wait_for("sale:status-change", lambda message: message["status"] == "sold_out")


def test_a_turn_that_runs_out_goes_to_the_next(api, shop):
    sale = shop.new_sale(1, LASTS_S, turnSeconds=2)
    slow, next_one = SaleClient(api, "Slow", sale), SaleClient(api, "Next", sale)
    slow.join()
    slow.wait_for_place("turn")
    next_one.join()
    slow.wait_for_place("expired")
    turn = next_one.wait_for_place("turn")
    assert turn["position"] == 0 and turn["turnExpiresAt"], turn
    status, refused = api.call(api.name_at(*ORDER), {"flashSaleId": sale, "quantity": 1}, slow.token, WAIT)
    assert refused.get("error") or refused.get("status") == "rejected", (status, refused)
    view = wait_for("the claimed unit", lambda: claimed(api, sale))
    assert view["available"] == 0, view


def claimed(api, sale):
    view = api.call_ok(api.name_at(*VIEW), id=sale)
    return view if view["claimed"] == 1 else None


def main():
    api, shop = ApiClient(os.environ["ROSTRUM_HTTP_URL"]), Shop(os.environ["ROSTRUM_HTTP_URL"])
    failed = 0
    tests = [test_a_client_waits_gets_its_turn_and_buys, test_a_turn_that_runs_out_goes_to_the_next]
    for test in tests:
        try:
            test(api, shop)
        except Exception:  # the other test still runs
            failed += 1
            print(f"FAILED {test.__name__}: {traceback.format_exc(limit=-3)}")
    print(f"sale_clients_test: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
