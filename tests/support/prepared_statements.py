"""The statements that the programs prepare. A relay between a program and PostgreSQL reads them from the protocol.

So no list of statements has to be kept by hand: each connection of a program prepares all of its statements before the
program is ready. Called by tests/support/plans.py.
"""
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.parse

from processes import free_ports

READY_S = 120  # from the start of a program until it is ready
CHUNK = 65536
WORDS = 5  # bytes of a message's type and length
START_WORDS = 8  # bytes of the length and the code of a first message
PROTOCOL_3 = 196608  # code of the first message after which messages have types


class Relay:
    """Forwards connections to PostgreSQL, and notes the text of each statement that is prepared with a name."""

    def __init__(self, host, port):
        self.server = (host, port)
        self.statements = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """Runs until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client):
        """Forwards one connection until a side closes it."""
        begun, pending = False, b""
        with client, socket.create_connection(self.server) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    try:
                        data = source.recv(CHUNK)
                        (server if source is client else client).sendall(data)
                    except OSError:  # the other side has closed it
                        return
                    if not data:
                        return
                    if source is client:
                        begun, pending = self.read(begun, pending + data)

    def read(self, begun, data):
        """Reads the complete messages; returns whether messages have types now, and the rest."""
        while len(data) >= START_WORDS:
            length = struct.unpack("!I", data[1:WORDS] if begun else data[:4])[0] + (1 if begun else 0)
            if len(data) < length:
                break
            if not begun:
                begun = struct.unpack("!I", data[4:START_WORDS])[0] == PROTOCOL_3
            elif data[:1] == b"P":
                name, text = data[WORDS:length].split(b"\0")[:2]
                if name:
                    self.statements[name.decode()] = text.decode()
            data = data[length:]
        return begun, data


def ready(notices, process):
    """Whether the program has said that it is ready."""
    notices.settimeout(READY_S)
    while True:
        if b"READY=1" in notices.recv(CHUNK):
            return True
        if process.poll() is not None:
            return False


def statements_of(program, schema):
    """The statements of a program of build/bin that uses the tables of `schema`, by name."""
    url = urllib.parse.urlsplit(os.environ["ROSTRUM_PG_URL"])
    relay = Relay(url.hostname, url.port)
    at = url.netloc.rpartition("@")[0]
    options = f"sslmode=disable&gssencmode=disable&options=-csearch_path%3D{schema}"
    through = urllib.parse.urlunsplit((url.scheme, f"{at}@127.0.0.1:{relay.port}", url.path, options, ""))
    with tempfile.NamedTemporaryFile("w") as conf, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        conf.write(f"[gateway]\nlisten_port = {free_ports(1)[0]}\n")
        conf.flush()
        address = f"rostrum-statements-{os.getpid()}-{relay.port}"
        notices.bind("\0" + address)
        environment = {**os.environ, "ROSTRUM_PG_URL": through, "ROSTRUM_CONF": conf.name, "NOTIFY_SOCKET": "@" + address}
        path = os.path.join(os.environ.get("BUILD", "build"), "bin", program)
        with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", path], env=environment) as process:
            try:
                assert ready(notices, process), f"{program} ended before it was ready"
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(READY_S)
    relay.listener.close()
    return relay.statements
