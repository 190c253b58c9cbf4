#!/usr/bin/python3
"""Tests with a foreign client, Debian's python3-websockets: it watches an auction and bids over the socket.

Started by tests/run, which names the deployment in the environment.
"""
import asyncio
import json
import sys
import uuid

import websockets

sys.dont_write_bytecode = True
from fixture import SOCKET_URL, SUBPROTOCOL, WAIT_S, Fixture, run  # noqa: E402 (no byte code may be written)


async def hear(socket, *types):
    """The next message of one of these types; others are passed over."""
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), WAIT_S))
        assert "serverTime" in message, message
        if message["type"] in types:
            return message


async def say(socket, kind, **members):
    await socket.send(json.dumps({"type": kind, **members}))


async def watch(socket, auction):
    """The snapshot."""
    await say(socket, "subscribe", auctionId=auction, id="watching")
    snapshot = await hear(socket, "snapshot", "error")
    assert snapshot["type"] == "snapshot" and snapshot["id"] == "watching", snapshot
    assert snapshot["auctionId"] == auction, snapshot
    return snapshot


def by_itself(test):
    """Turns a coroutine into a test with its own fixture."""

    def whole():
        asyncio.run(test(Fixture()))

    whole.__name__ = test.__name__
    return whole


@by_itself
async def a_guest_sees_a_bid_arrive(fixture):
    async with websockets.connect(SOCKET_URL) as socket:
        before = await watch(socket, fixture.auction)
        assert before["currentBid"] is None and before["bids"] == [], before
        await asyncio.to_thread(fixture.bid, 12.5)
        news = await hear(socket, "bid_placed")
        assert news["seq"] == before["seq"] + 1, (before, news)
        assert (news["currentBid"], news["bidCount"]) == (12.5, 1), news
        assert news["bids"][0]["amount"] == 12.5 and news["bids"][0]["bidder"].startswith("Bidder-"), news
    assert socket.close_code == 1000, socket.close_code


@by_itself
async def a_guest_may_not_bid(fixture):
    async with websockets.connect(SOCKET_URL) as socket:
        await say(socket, "bid", auctionId=fixture.auction, amount=11, id=7)
        answer = await hear(socket, "error", "bid_pending", "bid_result")
        assert (answer["type"], answer["error"], answer["id"]) == ("error", "UNAUTHORIZED", 7), answer


async def bid_over(socket, fixture):
    """Bids, hears what came of it, and asks again with the same key."""
    await watch(socket, fixture.auction)
    key = str(uuid.uuid4())
    await say(socket, "bid", auctionId=fixture.auction, amount=15, idempotencyKey=key, id="first")
    pending = await hear(socket, "bid_pending", "error")
    assert pending["type"] == "bid_pending" and pending["id"] == "first", pending
    heard = {each["type"]: each for each in [await hear(socket, "bid_result", "bid_placed") for _ in range(2)]}
    result = heard["bid_result"]
    assert (result["bidId"], result["status"]) == (pending["bidId"], "accepted"), result
    assert heard["bid_placed"]["currentBid"] == 15, heard
    await say(socket, "bid", auctionId=fixture.auction, amount=15, idempotencyKey=key, id="again")
    again = await hear(socket, "bid_result", "bid_pending", "error")
    assert (again["id"], again["bidId"]) == ("again", pending["bidId"]), again


@by_itself
async def a_bearer_bids_over_the_socket(fixture):
    headers = {"Authorization": f"Bearer {fixture.token}"}
    async with websockets.connect(SOCKET_URL, extra_headers=headers, subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol == SUBPROTOCOL, socket.subprotocol
        await bid_over(socket, fixture)


@by_itself
async def whoever_says_a_token_first_bids_as_well(fixture):
    async with websockets.connect(SOCKET_URL) as socket:
        await say(socket, "auth", token=fixture.token)
        await hear(socket, "authenticated")
        await bid_over(socket, fixture)


@by_itself
async def pings_of_the_client_are_answered(_fixture):
    async with websockets.connect(SOCKET_URL, ping_interval=0.05, ping_timeout=WAIT_S) as socket:
        for _ in range(3):
            await asyncio.wait_for(await socket.ping(), WAIT_S)


run(
    "websockets_test",
    [
        a_guest_sees_a_bid_arrive,
        a_guest_may_not_bid,
        a_bearer_bids_over_the_socket,
        whoever_says_a_token_first_bids_as_well,
        pings_of_the_client_are_answered,
    ],
)
