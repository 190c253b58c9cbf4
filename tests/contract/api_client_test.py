#!/usr/bin/python3
"""Uses the API as a generic client would, by the OpenAPI document alone (tests/support/api_client.py).

It registers users, creates an auction, bids, is outbid, wins, and reads the notifications. Started by tests/run, which sets ROSTRUM_HTTP_URL.
"""

import datetime
import os
import sys
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from api_client import ApiClient, wait_for  # noqa: E402 (needs the path above)

LASTS_S = 6  # duration of the auction: long enough for three bids on a slow machine


def test_an_api_client_bids_wins_and_is_notified(client):
    seller, ann, bob = client.new_user("Sam"), client.new_user("Ann"), client.new_user("Bob")
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=LASTS_S)
    terms = {
        "title": f"Chair {uuid.uuid4().hex[:12]}",
        "startingPrice": 10.0,
        "endTime": end.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "antiSnipe": {"windowSeconds": 0},
    }
    created = client.call_ok("createAuction", terms, seller)

    def listed():
        page = client.call_ok("listAuctions", token=ann, query=f"?sort=newest&sellerId={created['sellerId']}")
        return [each for each in page["items"] if each["title"] == terms["title"]]

    (lot,) = wait_for("the auction in the list", listed)
    wait = {"Prefer": "wait=10"}
    first = client.call_ok("placeBid", {"amount": lot["minimumBid"]}, ann, wait, id=lot["id"])
    assert first["status"] == "accepted", first
    minimum = client.call_ok("getAuction", token=bob, id=lot["id"])["minimumBid"]
    assert client.call_ok("placeBid", {"amount": minimum}, bob, wait, id=lot["id"])["status"] == "accepted"
    status, refused = client.call("placeBid", {"amount": minimum}, ann, wait, id=lot["id"])
    assert (status, refused["error"]) == (400, "BID_TOO_LOW"), refused
    winner = client.call_ok("placeBid", {"amount": refused["minimumBid"]}, ann, wait, id=lot["id"])
    assert winner["status"] == "accepted", winner

    def notifications(token, kind):
        notices = client.call_ok("listNotifications", token=token)["items"]
        return [each for each in notices if each["kind"] == kind and each["auctionId"] == lot["id"]]

    (won,) = wait_for("AUCTION_WON", lambda: notifications(ann, "AUCTION_WON"))
    assert won["amount"] == refused["minimumBid"], won
    wait_for("AUCTION_LOST", lambda: notifications(bob, "AUCTION_LOST"))
    wait_for("AUCTION_SOLD", lambda: notifications(seller, "AUCTION_SOLD"))
    sold = client.call_ok("getAuction", token=ann, id=lot["id"])
    assert sold["status"] == "sold" and sold["winningBidId"] == winner["bidId"], sold


def main():
    try:
        test_an_api_client_bids_wins_and_is_notified(ApiClient(os.environ["ROSTRUM_HTTP_URL"]))
    except Exception:  # print the summary after any failure
        print(f"FAILED: {traceback.format_exc(limit=-3)}")
        print("api_client_test: 0 passed, 1 failed")
        return 1
    print("api_client_test: 1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
