#!/usr/bin/python3
"""Tests with headless Chromium: a page of the deployment opens a WebSocket and an EventSource and receives a bid. Logged in
by its cookie, it bids. A page of another origin gets nothing.

chromedriver controls Chromium over HTTP (W3C WebDriver). Started by tests/run, which names the deployment in the
environment.
"""
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from fixture import API, PASSWORD, SOCKET_URL, URL, WAIT_S, Fixture, run  # noqa: E402 (no byte code may be written)

LOOK_S = 0.05
OPTIONS = [
    "--headless=new",
    "--no-sandbox",  # tests may run as root; the pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

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

BROWSER_S = 120  # for one answer of a browser: on a loaded machine its start alone may take 20 s


class Browser:
    """A chromedriver, and one session of it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rostrum-test.", ignore_cleanup_errors=True)
        environment = {**os.environ, "HOME": self.folder.name}
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=BROWSER_S)
        options = {"binary": "/usr/bin/chromium", "args": [*OPTIONS, f"--user-data-dir={self.folder.name}/data"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self.session = self.call("POST", "/session", wanted)["sessionId"]

    def port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("chromedriver does not start")

    def call(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body or {}) if method == "POST" else None)
        answer = self.connection.getresponse()
        value = json.loads(answer.read())["value"]
        assert answer.status == 200, value
        return value

    def visit(self, url):
        self.call("POST", f"/session/{self.session}/url", {"url": url})

    def script(self, text, *arguments, kind="sync"):
        body = {"script": text, "args": list(arguments)}
        return self.call("POST", f"/session/{self.session}/execute/{kind}", body)

    def heard(self):
        return self.script("return window.heard")

    def wait(self, condition):
        """Waits until the received messages fulfil the condition, and returns them."""
        until = time.monotonic() + WAIT_S
        while True:
            heard = self.heard()
            if condition(heard):
                return heard
            assert time.monotonic() < until, f"did not arrive: {heard}"
            time.sleep(LOOK_S)

    def close(self):
        self.call("DELETE", f"/session/{self.session}")
        self.driver.terminate()
        self.driver.wait()
        self.folder.cleanup()


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


class OtherSite(http.server.BaseHTTPRequestHandler):
    """A page of another origin."""

    def do_GET(self):  # the name that http.server asks for
        page = b"<!doctype html><title>another site</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format, *args):
        pass


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
