"""A webhook receiver for tests: each path is an endpoint with its own behaviour, and every call is recorded with the
times of its begin and end. verify() checks the signature of a recorded call by Python's hmac.

Called by tests/contract/webhooks_test.py.
"""
import base64
import hashlib
import hmac
import http.server
import os
import socket
import ssl
import threading
import time

SKEW_S = 300  # between a call's timestamp and now, as Standard Webhooks has it
CHUNK = b"x" * 8192


class Call:
    """One call: headers (names in lower case), body as bytes; begun and ended (None: not yet), monotonic times."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        self.begun = time.monotonic()
        self.ended = None
        self.cut = False  # the caller closed the connection before it had its answer

    @property
    def id(self):
        """Id of the delivery."""
        return self.headers["webhook-id"]


class Endpoints:
    """The server, on a free port of `host`; with TLS by server.pem and server.key of the folder `tls`, where one is named."""

    def __init__(self, host="127.0.0.1", tls=None):
        self.lock = threading.Lock()
        self.calls = []
        self.behaviours = {}
        self.release = threading.Event()  # lets go of those that hang
        endpoints = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers by the behaviours of the path."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                call = Call(self.path, self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with endpoints.lock:
                    endpoints.calls.append(call)
                    number = sum(each.path == self.path for each in endpoints.calls)
                try:
                    endpoints.behaviours.get(self.path, status(204))(self, number)
                except OSError:
                    call.cut = True
                call.ended = time.monotonic()

            do_GET = do_POST

            def log_message(self, *arguments):
                """Prints nothing."""

        class Server(http.server.ThreadingHTTPServer):
            """A server of the address family of its host."""

            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                """Ignores clients that close the connection."""

        self.server = Server((host, 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(tls, "server.pem"), os.path.join(tls, "server.key"))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.endpoints = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, behaviour=None, host="127.0.0.1"):
        """The URL of a new endpoint with this behaviour; without one it answers 204."""
        if behaviour is not None:
            self.behaviours[path] = behaviour
        return f"{self.scheme}://{host}:{self.port}{path}"

    def of(self, path):
        """The calls of an endpoint so far."""
        with self.lock:
            return [call for call in self.calls if call.path == path]

    def close(self):
        """Stops the server, and the calls that wait in it."""
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


def status(code, headers=(), body=b""):
    """Behaviour: answers with this status."""

    def behaviour(handler, _number):
        handler.send_response(code)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behaviour


def in_turn(*behaviours):
    """Behaviour: one for the first call, one for the second, and so on; the last one for all further calls."""
    return lambda handler, number: behaviours[min(number, len(behaviours)) - 1](handler, number)


def hang(handler, _number):
    """Behaviour: no answer until the server is closed."""
    handler.server.endpoints.release.wait()
    handler.close_connection = True


def endless_body(handler, _number):
    """Behaviour: 2xx and an endless body."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(CHUNK)


def endless_headers(handler, _number):
    """Behaviour: 2xx and endless headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    handler.close_connection = True
    while True:
        handler.wfile.write(b"X-Header: " + CHUNK[:1000] + b"\r\n")


def trickle(handler, _number):
    """Behaviour: 2xx, then one byte after another with pauses, for ever."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while not handler.server.endpoints.release.wait(0.2):
        handler.wfile.write(b"x")


def no_http(handler, _number):
    """Behaviour: an answer that is not HTTP."""
    handler.close_connection = True
    handler.wfile.write(b"220 mail.example ESMTP\r\n")


def signature(secret, call):
    """The expected signature of the call."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((call.id.encode(), call.headers["webhook-timestamp"].encode(), call.body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(secret, call):
    """Whether one of the call's signatures is valid, and its timestamp recent."""
    fresh = abs(int(call.headers["webhook-timestamp"]) - time.time()) < SKEW_S
    return fresh and signature(secret, call) in call.headers["webhook-signature"].split(" ")
