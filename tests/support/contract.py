"""An HTTP client that validates every answer of the deployment against the OpenAPI document, and records its coverage.

jsonschema validates bodies and headers; this module selects the schema. An answer whose status, content type, header or
body the document does not describe raises Fault at the call. For clients the answers are open: they may gain members
and values. Here they are closed, so that a member or value that the document lacks is found (schemas.py).
Called by tests/contract/openapi_test.py.
"""
import http.client
import json
import re
import urllib.parse

from schemas import Validator, closed
from sentences import error_of

TIMEOUT_S = 70  # longer than the gateway's deadlines, also of uploads
# What any HTTP answer carries and the document does not repeat; Connection where the deployment closes.
PLAIN_HEADERS = {"content-type", "content-length", "date", "connection"}
# Of any answer where other sites' scripts may call; the document says so once.
PLAIN_HEADERS |= {"access-control-allow-origin", "access-control-expose-headers"}
# Of every answer; the document says so once.
SAFE_HEADERS = {"cache-control", "x-content-type-options", "vary"}
LIMIT_HEADERS = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}


class Fault(Exception):
    """The deployment and the document differ."""


class Reply:
    """An answer: status, headers (names in lower case), body as bytes and, where it is JSON, as data."""

    def __init__(self, answer, body):
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = body
        self.type = self.headers.get("content-type")
        self.data = json.loads(body) if body and self.type and self.type.endswith("json") else None

    def __str__(self):
        return f"{self.status} {self.type} {self.body[:600]!r}"


class Operation:
    """One operation of the document."""

    def __init__(self, path, method, details):
        self.path = path
        self.method = method.upper()
        self.details = details
        self.id = details["operationId"]
        self.admin = "Admin" in details["tags"]
        self.json = "application/json" in details.get("requestBody", {}).get("content", {})
        self.open = details.get("security") == []
        self.optional = {} in details.get("security", [])
        # By a rate; any operation may be answered 429 if its client holds too much (responses/Busy).
        self.limited = details["responses"].get("429", {}).get("$ref", "").endswith("/RateLimited")
        self.pattern = re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", path)))

    def __str__(self):
        return f"{self.method} {self.path}"


class Document:
    """The OpenAPI document, and the parts of it that were observed."""

    def __init__(self, data):
        self.data = data
        self.closed = closed(data)
        self.calls = []  # (operation, path with query, sent headers, body or None, reply) of accepted requests
        self.operations = [
            Operation(path, method, details) for path, item in self.closed["paths"].items() for method, details in item.items()
        ]
        self.validators = {}  # id of a schema: schema, its validator
        self.seen = set()  # (operation id, status, code of an error or None)

    def resolve(self, node):
        """Follows one $ref that stands alone, as those of responses and headers do."""
        found = self.closed
        for part in node["$ref"].removeprefix("#/").split("/") if "$ref" in node else ():
            found = found[part]
        return found if "$ref" in node else node

    def query(self, operation):
        """The names of an operation's query parameters."""
        parameters = map(self.resolve, operation.details.get("parameters", []))
        return {each["name"] for each in parameters if each["in"] == "query"}

    def operation(self, name):
        """By its operationId."""
        return next(operation for operation in self.operations if operation.id == name)

    def find(self, method, path):
        """The operation of a request; a path without parameters goes before one with."""
        found = [each for each in self.operations if each.method == method and each.pattern.fullmatch(path)]
        if not found:
            raise Fault(f"{method} {path} is in no path of the document")
        return min(found, key=lambda each: each.path.count("{"))

    def validate(self, schema, value, what):
        """Raises Fault unless `value` is valid for `schema`."""
        kept, validator = self.validators.get(id(schema), (None, None))
        if kept is not schema:
            validator = Validator(self.closed, schema)
            self.validators[id(schema)] = schema, validator  # holds the schema, so that its id stays its own
        wrong = validator.first_error(value)
        if wrong is not None:
            raise Fault(f"{what}: {wrong}")

    def judge(self, operation, reply, head=False):
        """Raises Fault unless the document describes this answer."""
        what = f"{operation} answered {reply}"
        described = operation.details["responses"].get(str(reply.status))
        if described is None:
            raise Fault(f"{what}: no such status in the document")
        response = self.resolve(described)
        self.judge_headers(operation, response, reply, what)
        content = response.get("content", {})
        if reply.type is None or not content:
            if reply.type is not None or reply.body or content:
                raise Fault(f"{what}: a body and its type go together, and only where the document has one")
        elif reply.type not in content:
            raise Fault(f"{what}: no such content type in the document")
        elif not head:
            value = reply.data if reply.type.endswith("json") else reply.body.decode("latin-1")
            self.validate(content[reply.type]["schema"], value, what)
        if not head:
            self.judge_sentence(reply, what)
        code = reply.data.get("error") if reply.status >= 400 and isinstance(reply.data, dict) else None
        if not head:
            self.seen.add((operation.id, reply.status, code))

    def judge_sentence(self, reply, what):
        """Raises Fault unless the sentences of an error are those of the document."""
        if reply.status >= 400 and isinstance(reply.data, dict) and "error" in reply.data:
            wrong = error_of(self.data["components"], reply.body)
            if wrong is not None:
                raise Fault(f"{what}: {wrong}")

    def judge_headers(self, operation, response, reply, what):
        """Raises Fault unless the answer has the described headers, with valid values, and no others."""
        described = {name.lower(): self.resolve(header) for name, header in response.get("headers", {}).items()}
        allowed = PLAIN_HEADERS | SAFE_HEADERS | described.keys()
        for name in SAFE_HEADERS - reply.headers.keys():
            raise Fault(f"{what}: header {name} is missing")
        if operation.limited:
            allowed |= LIMIT_HEADERS
        for name in reply.headers.keys() - allowed:
            raise Fault(f"{what}: header {name} is not in the document")
        for name, header in described.items():
            value = reply.headers.get(name)
            if value is not None:
                number = header["schema"].get("type") == "integer" and value.isdigit()
                self.validate(header["schema"], int(value) if number else value, f"{what}: header {name}")
            elif header.get("required"):
                raise Fault(f"{what}: header {name} is missing")

    def described(self):
        """Every (operation id, status, code) that the document promises; code None if it is no error."""
        for operation in self.operations:
            for status, described in operation.details["responses"].items():
                codes = []
                for content in self.resolve(described).get("content", {}).values():
                    codes += content["schema"].get("properties", {}).get("error", {}).get("enum", [])
                for code in codes or [None]:
                    yield operation.id, int(status), code


class Client:
    """One connection, used again while the deployment keeps it. Every answer is validated."""

    def __init__(self, url, document=None, timeout_s=TIMEOUT_S):
        self.address = urllib.parse.urlsplit(url).netloc
        self.document = document
        self.connection = http.client.HTTPConnection(self.address, timeout=timeout_s)

    def send(self, method, path, body=None, token=None, headers=None):
        """Returns the answer without validation. `body` is sent as JSON unless it is bytes."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        self.connection.request(method, path, body=body, headers=sent)
        answer = self.connection.getresponse()
        return Reply(answer, answer.read())

    def call(self, status, method, path, body=None, token=None, headers=None):
        """Returns the answer, which must have this status and be valid for the document."""
        operation = self.document.find("GET" if method == "HEAD" else method, path.partition("?")[0])
        reply = self.send(method, path, body, token, headers)
        self.document.judge(operation, reply, method == "HEAD")
        if reply.status != status:
            raise Fault(f"{operation}: expected {status}, got {reply}")
        if status < 300 and method != "HEAD":
            self.document.calls.append((operation, path, headers or {}, body, reply))
        if status < 300 and operation.json and body is not None:
            schema = operation.details["requestBody"]["content"]["application/json"]["schema"]
            self.document.validate(schema, body, f"what {operation} accepted")
        return reply

    def refused(self, code, status, method, path, body=None, token=None, headers=None):
        """As call, for an error of this code."""
        reply = self.call(status, method, path, body, token, headers)
        if reply.data["error"] != code:
            raise Fault(f"{method} {path}: expected {code}, got {reply}")
        return reply

    def twice_hosted(self, method, path):
        """Sends an invalid request: with two Host headers."""
        operation = self.document.find(method, path.partition("?")[0])
        self.connection.putrequest(method, path, skip_host=True)
        for _ in range(2):
            self.connection.putheader("Host", self.address)
        self.connection.putheader("Content-Length", "0")
        self.connection.endheaders()
        return self.received(operation)

    def received(self, operation):
        """Reads and validates the answer to a request that was sent byte by byte."""
        answer = self.connection.getresponse()
        reply = Reply(answer, answer.read())
        self.document.judge(operation, reply)
        return reply

    def begin(self, method, path):
        """Sends a request that never ends; `finish` waits for the answer."""
        self.connection.connect()
        self.connection.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: {self.address}\r\nX-Slow: ".encode())

    def finish(self, method, path):
        """See begin."""
        answer = http.client.HTTPResponse(self.connection.sock, method=method)
        answer.begin()
        reply = Reply(answer, answer.read())
        self.document.judge(self.document.find(method, path.partition("?")[0]), reply)
        return reply

    def close(self):
        """Ends the connection; the next call makes another."""
        self.connection.close()
