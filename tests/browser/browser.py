"""Headless Chromium for tests, and a page of another origin. Called by chromium_test.py and cors_test.py.

chromedriver controls Chromium over HTTP (W3C WebDriver).
"""
import http.client
import http.server
import json
import os
import re
import subprocess
import tempfile
import time

from fixture import WAIT_S

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
