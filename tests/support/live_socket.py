"""A WebSocket that knows the live messages only by the AsyncAPI document that the deployment serves.

It takes the address from the document, and checks each sent and received message against its schemas. RFC 6455 with the
standard library: whole text messages, no extensions. Called by tests/contract/sale_clients_test.py.
"""
import base64
import json
import os
import socket
import struct
import time
import urllib.parse
import urllib.request

from live_contract import LiveDocument

TIMEOUT_S = 60  # of a message that must come
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class LiveSocket:
    """A connection."""

    def __init__(self, url, token):
        with urllib.request.urlopen(url + "/api/v1/asyncapi.json") as answer:
            data = json.load(answer)
        self.document = LiveDocument(data)
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S)
        self.stream = self.socket.makefile("rb")
        self.messages = []  # that came, and that nobody has waited for yet
        self.shake_hands(parts.netloc, data["channels"]["socket"]["address"], token)

    def shake_hands(self, host, path, token):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                             f"Authorization: Bearer {token}\r\n\r\n").encode())
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline().strip():
            pass

    def frame(self, kind, payload):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload))
        self.socket.sendall(bytes([0x80 | kind]) + length + mask + masked)

    def send(self, **message):
        """Sends a command, which must be in the document."""
        text = json.dumps(message)
        wrong = self.document.error("socket", text)
        assert wrong is None and message["type"] in self.document.commands, f"{text}: {wrong}"
        self.frame(TEXT, text.encode())

    def read_frame(self):
        first, second = self.stream.read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.stream.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.stream.read(8))
        return first & 0x0F, self.stream.read(length)

    def receive(self):
        """The next message, which the document must describe."""
        while True:
            kind, payload = self.read_frame()
            if kind == PING:
                self.frame(PONG, payload)
            elif kind == CLOSE:
                raise AssertionError(f"the gateway closed the connection: {payload!r}")
            elif kind == TEXT:
                wrong = self.document.error("socket", payload.decode())
                assert wrong is None, f"{payload!r}: {wrong}"
                self.messages.append(json.loads(payload))
                return self.messages[-1]

    def wait_for(self, kind, condition=lambda message: True):
        """The first message of this kind for which the condition holds, of those that came before or come now."""
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            for message in self.messages:
                if message["type"] == kind and condition(message):
                    self.messages.remove(message)
                    return message
            self.receive()
        raise AssertionError(f"no {kind} within {TIMEOUT_S} s; the last messages: {self.messages[-5:]}")

    def close(self):
        self.socket.close()
