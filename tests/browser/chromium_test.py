#!/usr/bin/python3
"""Tests with headless Chromium: a page of the deployment opens a WebSocket and an EventSource and receives a bid. Logged in
by its cookie, it bids. A page of another origin gets nothing.

Started by tests/run, which names the deployment in the environment.
"""
import http.server
import sys
import threading

sys.dont_write_bytecode = True
from browser import Browser, OtherSite  # noqa: E402 (no byte code may be written)
from fixture import API, PASSWORD, SOCKET_URL, URL, Fixture, run  # noqa: E402

# Opens both for an auction and notes what they say in window.heard.
OPEN = """
const [socketUrl, eventsUrl, auction] = arguments;
window.heard = {socket: [], events: [], state: []};
window.socket = new WebSocket(socketUrl);
socket.onopen = () => socket.send(JSON.stringify({type: 'subscribe', auctionId: auction}));
socket.onmessage = (event) => heard.socket.push(JSON.parse(event.data));
socket.onclose = (event) => heard.state.push('socket closed ' + event.code);
window.events = new EventSource(eventsUrl);
events.onmessage = (event) => heard.events.push({...JSON.parse(event.data), lastEventId: event.lastEventId});
events.onerror = () => heard.state.push('events failed');
"""

LOG_IN = """
const [url, email, password, done] = arguments;
fetch(url, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({email, password})})
    .then((answer) => done(answer.status), (error) => done(String(error)));
"""

SAY = "socket.send(JSON.stringify(arguments[0]));"


def types(messages):
    return [message["type"] for message in messages]


def open_both(browser, auction):
    browser.script(OPEN, SOCKET_URL, f"{URL}{API}/auctions/{auction}/events", auction)
    return browser.wait(lambda heard: heard["socket"] and heard["events"])


def both_see_a_bid_arrive():
    fixture = Fixture()
    browser.visit(f"{URL}{API}/time")
    first = open_both(browser, fixture.auction)
    assert types(first["socket"]) == types(first["events"]) == ["snapshot"], first
    fixture.bid(12.5)
    heard = browser.wait(lambda heard: len(heard["socket"]) > 1 and len(heard["events"]) > 1)
    for news in heard["socket"][1], heard["events"][1]:
        assert (news["type"], news["currentBid"], news["seq"]) == ("bid_placed", 12.5, first["socket"][0]["seq"] + 1), news
    assert heard["events"][1]["lastEventId"] == str(heard["events"][1]["seq"]), heard
    assert heard["state"] == [], heard


def a_cookie_is_enough_to_bid():
    fixture = Fixture()
    browser.visit(f"{URL}{API}/time")
    assert browser.script(LOG_IN, f"{URL}{API}/auth/login", fixture.email, PASSWORD, kind="async") == 200
    open_both(browser, fixture.auction)
    browser.script(SAY, {"type": "bid", "auctionId": fixture.auction, "amount": 14, "id": "mine"})
    wanted = {"bid_result", "bid_placed"}
    heard = browser.wait(lambda heard: all(wanted <= set(types(heard[each])) for each in ("socket", "events")))
    for messages in heard["socket"], heard["events"]:
        notified = {message["type"]: message for message in messages}
        assert (notified["bid_result"]["status"], notified["bid_result"]["amount"]) == ("accepted", 14), heard
        assert notified["bid_placed"]["currentBid"] == 14, heard


def another_site_gets_nothing():
    fixture = Fixture()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser.visit(f"http://127.0.0.1:{other.server_address[1]}/")
        browser.script(OPEN, SOCKET_URL, f"{URL}{API}/auctions/{fixture.auction}/events", fixture.auction)
        heard = browser.wait(lambda heard: {"socket closed 1006", "events failed"} <= set(heard["state"]))
        other.shutdown()
    assert heard["socket"] == heard["events"] == [], heard


browser = Browser()
try:
    run("chromium_test", [both_see_a_bid_arrive, a_cookie_is_enough_to_bid, another_site_gets_nothing])
finally:
    browser.close()
