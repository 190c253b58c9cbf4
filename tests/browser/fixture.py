"""The fixture of the client tests: users and an auction, created over HTTP in the deployment that the environment names. Also
a runner that prints the summary line for tests/run. Called by websockets_test.py and chromium_test.py.
"""
import datetime
import os
import sys
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from contract import Client  # noqa: E402 (its folder had to be named first)

API = "/api/v1"
PASSWORD = "correct horse battery"
WAIT_S = 20  # for anything that the deployment does by itself
URL = os.environ["ROSTRUM_HTTP_URL"]
SOCKET_URL = URL.replace("http", "ws", 1) + "/ws"
SUBPROTOCOL = "rostrum.v1"


class Fixture:
    """A seller's auction, and a bidder."""

    def __init__(self):
        self.client = Client(URL)
        _, seller = self.new_user("Seller")
        self.email, self.token = self.new_user("Bidder")
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        terms = {"title": "A lamp", "startingPrice": 10, "endTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.auction = self.send(201, "POST", "/auctions", terms, seller)["id"]

    def send(self, status, method, path, body=None, token=None, headers=None):
        """Sends a request; returns the data of the answer, which must have this status."""
        reply = self.client.send(method, API + path, body, token, headers)
        assert reply.status == status, f"{method} {path}: {reply}"
        return reply.data

    def new_user(self, name):
        """Registers a user; returns its address and access token."""
        email = f"{uuid.uuid4()}@example.org"
        self.send(201, "POST", "/auth/register", {"email": email, "password": PASSWORD, "displayName": name})
        login = self.send(200, "POST", "/auth/login", {"email": email, "password": PASSWORD})
        return email, login["accessToken"]

    def bid(self, amount):
        """Places a bid over HTTP and waits for its decision."""
        path = f"/auctions/{self.auction}/bids"
        decided = self.send(200, "POST", path, {"amount": amount}, self.token, {"Prefer": "wait=10"})
        assert decided["status"] == "accepted", decided


def run(name, tests):
    """Runs the tests, prints the summary line and exits with 1 if one failed."""
    failed = 0
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    for test in tests:
        try:
            test()
        except Exception:  # whatever it is, the others still run
            failed += 1
            print(f"FAILED {test.__name__}:")
            traceback.print_exc(file=sys.stdout)
    print(f"{name}: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
