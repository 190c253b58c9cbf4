#!/usr/bin/python3
"""A page of another origin in headless Chromium: what its scripts may read if its origin is listed, and if it is not.

Each listed page is served from a port of its own, so a second gateway on the deployment's servers lists that port.
Started by tests/run, which names the deployment in the environment.
"""
import contextlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from browser import LOOK_S, Browser, OtherSite  # noqa: E402 (no byte code may be written)
from fixture import API, PASSWORD, URL, WAIT_S, Fixture, run  # noqa: E402
from contract import Client  # noqa: E402 (fixture.py names its folder)
from processes import free_ports, listens  # noqa: E402

UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
LONG = 16500  # slightly more than header_max_bytes: no TCP reset overtakes the answer
TOO_LARGE = 70000  # a body may have 64 KiB

# Sends a request and says what the script could read of its answer.
FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(async (answer) => done({
    status: answer.status, type: answer.type, headers: Object.fromEntries(answer.headers), text: await answer.text(),
}), (error) => done({error: String(error)}));
"""

WATCH = """
const [url, done] = arguments;
const events = new EventSource(url);
events.onmessage = (event) => { events.close(); done(JSON.parse(event.data).type); };
events.onerror = () => { events.close(); done('refused'); };
"""


@contextlib.contextmanager
def gateway(origin):
    """The URL of a gateway whose cors_origins is this origin."""
    port, = free_ports(1)
    with open(os.environ["ROSTRUM_TEST_CONF"], encoding="utf-8") as file:
        settings = file.read()
    settings += f"\n[gateway]\nlisten_port = {port}\nworkers = 1\ncors_origins = {origin}\n[metrics]\nmetrics_port = 0\n"
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        file.write(settings)
        file.flush()
        environment = {**os.environ, "ROSTRUM_CONF": file.name}
        environment.pop("ROSTRUM_METRICS_PORT", None)
        command = ["setpriv", "--pdeathsig", "KILL", os.path.join(os.environ.get("BUILD", "build"), "bin", "rostrum-gateway")]
        process = subprocess.Popen(command, env=environment)
        try:
            wait_until_ready(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def wait_until_ready(port):
    """Waits until GET /ready is 200."""
    until = time.monotonic() + WAIT_S
    while not (listens(port) and Client(f"http://127.0.0.1:{port}").send("GET", "/ready").status == 200):
        assert time.monotonic() < until, "the gateway does not start"
        time.sleep(LOOK_S)


@contextlib.contextmanager
def other_site():
    """Serves a page of another origin and opens it. Gives the origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def fetch(url, method="GET", body=None, headers=None):
    """What a script of the open page could read of an answer."""
    options = {"method": method, "headers": headers or {}, "credentials": "omit"}
    return browser.script(FETCH, url, options if body is None else {**options, "body": body}, kind="async")


def expect(answer, status, code=None):
    """Expects an answer that the script could read."""
    assert answer.get("status") == status and answer["type"] == "cors", answer
    assert code is None or f'"error":"{code}"' in answer["text"], answer
    assert answer["headers"].get("x-request-id"), answer


def listed_origins_read_answers_and_errors():
    fixture = Fixture()
    bearer = {"Authorization": f"Bearer {fixture.token}", "Content-Type": "application/json"}
    with other_site() as origin, gateway(origin) as url:
        browser.visit(origin)
        answer = fetch(f"{url}{API}/auctions/{fixture.auction}")
        expect(answer, 200)
        assert answer["headers"]["etag"] and answer["headers"]["cache-control"] == "no-cache", answer
        expect(fetch(f"{url}{API}/users/me", headers=bearer), 200)
        bids = f"{url}{API}/auctions/{fixture.auction}/bids"
        for number, key in enumerate(("Idempotency-Key", "X-Idempotency-Key")):
            answer = fetch(bids, "POST", f'{{"amount": {20 + number}}}', {**bearer, key: f"key-{number}"})
            expect(answer, 202)
            assert answer["headers"]["location"], answer
        expect(fetch(f"{url}{API}/users/me", "PATCH", '{"displayName": "Bidder B"}', bearer), 200)
        expect(fetch(f"{url}{API}/users/me/watchlist/{UNKNOWN_ID}", "DELETE", None, bearer), 404, "NOT_FOUND")
        login = fetch(f"{url}{API}/auth/login", "POST", "{}", {"Content-Type": "application/json"})
        expect(login, 400, "VALIDATION_FAILED")


def listed_origins_read_what_is_refused_early():
    fixture = Fixture()
    bearer = {"Authorization": f"Bearer {fixture.token}", "Content-Type": "application/json"}
    with other_site() as origin, gateway(origin) as url:
        browser.visit(origin)
        expect(fetch(f"{url}{API}/users/me"), 401, "UNAUTHORIZED")
        expect(fetch(f"{url}{API}/auctions/no-id", headers=bearer), 404, "NOT_FOUND")
        expect(fetch(f"{url}{API}/auctions/no-id/bids", "POST", '{"amount": 20}', bearer), 404, "NOT_FOUND")
        expect(fetch(f"{url}{API}/nowhere", "PUT", "{}", bearer), 404, "NOT_FOUND")
        expect(fetch(f"{url}{API}/time", "DELETE", None, bearer), 405, "METHOD_NOT_ALLOWED")
        expect(fetch(f"{url}{API}/users/me", "PATCH", "x" * TOO_LARGE, bearer), 413, "BODY_TOO_LARGE")
        long = {"Prefer": "x" * LONG}
        expect(fetch(f"{url}{API}/time", headers=long), 431, "HEADERS_TOO_LARGE")


def listed_origins_watch_and_continue():
    fixture = Fixture()
    with other_site() as origin, gateway(origin) as url:
        browser.visit(origin)
        events = f"{url}{API}/auctions/{fixture.auction}/events"
        assert browser.script(WATCH, events, kind="async") == "snapshot"
        # A script that reads the stream by itself names the last event: the preflight allows the header.
        headers = {"Last-Event-ID": "1"}
        status = browser.script(
            "const [url, headers, done] = arguments; const stop = new AbortController();"
            "fetch(url, {headers, signal: stop.signal}).then((answer) => { stop.abort(); done(answer.status); },"
            " (error) => done(String(error)));", events, headers, kind="async")
        assert status == 200, status


def other_origins_read_nothing():
    fixture = Fixture()
    bearer = {"Authorization": f"Bearer {fixture.token}"}
    with other_site() as listed, other_site() as origin, gateway(listed) as url:
        browser.visit(origin)
        for path in f"/auctions/{fixture.auction}", "/time", "/auctions/no-id", "/nowhere":
            assert "Failed to fetch" in fetch(url + API + path).get("error", ""), path
        assert "Failed to fetch" in fetch(f"{url}{API}/users/me", headers=bearer).get("error", "")
        events = f"{url}{API}/auctions/{fixture.auction}/events"
        assert browser.script(WATCH, events, kind="async") == "refused"


def pages_of_the_deployment_use_the_cookie_and_other_ports_do_not():
    """A port of the same host is the same site for cookies: only the origin keeps it from writing."""
    fixture = Fixture()
    log_in = {"method": "POST", "headers": {"Content-Type": "application/json"},
              "body": f'{{"email": "{fixture.email}", "password": "{PASSWORD}"}}'}
    change = {"method": "PATCH", "headers": {"Content-Type": "application/json"}, "body": '{"displayName": "Mallory"}'}
    browser.visit(f"{URL}{API}/time")
    assert browser.script(FETCH, f"{URL}{API}/auth/login", log_in, kind="async")["status"] == 200
    assert browser.script(FETCH, f"{URL}{API}/users/me", change, kind="async")["status"] == 200
    with other_site() as origin:
        browser.visit(origin)
        # No preflight: a form could send this.
        logout = {"method": "POST", "mode": "no-cors", "credentials": "include"}
        assert browser.script(FETCH, f"{URL}{API}/auth/logout", logout, kind="async")["type"] == "opaque"
    browser.visit(f"{URL}{API}/time")
    answer = browser.script(FETCH, f"{URL}{API}/users/me", {}, kind="async")
    assert answer["status"] == 200 and answer["headers"]["cache-control"] == "private, no-store", answer


browser = Browser()
try:
    run("cors_test", [listed_origins_read_answers_and_errors, listed_origins_read_what_is_refused_early,
                      listed_origins_watch_and_continue, other_origins_read_nothing,
                      pages_of_the_deployment_use_the_cookie_and_other_ports_do_not])
finally:
    browser.close()
