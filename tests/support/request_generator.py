"""Generates requests from an OpenAPI document: valid ones, values at their bounds, wrong types, and what is no JSON.

`Generator.request` draws one operation, path, query, headers and body. Request number N of a seed depends on nothing
but the seed, N and the ids that the caller offers, so a run can be repeated. Ids and amounts that make sense come from
the caller, by the name of a parameter or member (`hints`). Called by tests/support/generated_requests.py.
"""
import json
import random
import re
import urllib.parse
import uuid

DEPTH_MAX = 6  # of a generated value
LONG_TEXT = 60000  # characters
TOO_LARGE = 70000  # bytes; a body may have 64 KiB
LONG_TARGET = 8000  # bytes; above that the headers are too long, with the method and the described headers
UNLIKELY_SKIPPED = 0.8  # share of the operations that the caller has no rights for

# Texts that programs misread.
STRANGE = ["", " ", "\u00a0", "null", "true", "0", "-1", "1e2", "NaN", "é", "日本語",
           "👩‍👩‍👧", "\u202eabc", "\ufeff",
           "a\u0000b", "\u0001", "\u007f", "\n", "\t", "'", "\"", "\\", "%", "%00", "%_", "' OR 1=1 --", "$1", "{}",
           "[]", "<b>", "../..", "ß" * 300, "\uffff", "\U0010ffff", "a" * 256, "x" * 1001, "İ", "ﬁ", "\u0301" * 50,
           "\r\nX: y"]
STRANGE_IDS = ["1", "0", "no-id", "me", "null", ".", "..", "%", "\u0000", "é", "a" * 300,
               "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "{id}", "'", " ",
               "-", "01890000000070008000000000000000"]
NUMBERS = [0, -1, 1, 2, 0.001, 1.005, 9999999999.99, 10000000000, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -2**63, 2**64,
           10**30, 1e-7, 1e308, 0.1 + 0.2]
# Bodies that are no JSON, or none that every reader reads alike.
NO_JSON = [b"", b" ", b"{", b"}", b"{]", b"[", b"nul", b"{'a':1}", b'{"a":1,}', b'{"a":01}', b'{"a":1e}',
           b'{"a":+1}', b'{"a":NaN}', b'\xef\xbb\xbf{}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}',
           b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":1}{"b":2}', b'{"a":1} x', b"[" * 2000,
           b'{"a":' * 300 + b"1" + b"}" * 300, b'{"a":1,"a":2}', b'{"\\u0061":1,"a":2}', b"/**/{}", b'{"a":"\n"}',
           b"{}\x00", b'{"":1}', b"0" * 5000, b'{"a":' + b"9" * 5000 + b"}", b'"text"', b"1", b"null", b"[]",
           b"true", b'{"title":"a","title":"b"}']
STRANGE_URLS = ["https://example.org/hook", "http://127.0.0.1:9999/", "ftp://example.org", "https://[::1]/",
                "https://user@example.org/"]
# What follows the name of a query parameter.
STRANGE_QUERIES = ["=%zz", "=%", "=%ff", "=%00", "", "=", "=a=b", "&&", "=%ed%a0%80", "=a+b", "==", "=;",
                   "=" + "x" * 4000]
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFXYZ  é日"
STRANGE_MEMBERS = ["extra", "", "id", "__proto__", "Title", "é", "a" * 300, "\u0000", "password"]
# Values of headers that are read, and texts that none of them accepts. http.client refuses line ends.
STRANGE_HEADERS = ["", " ", "x", "\"", "\"\"", "\"k", "k" * 64, "k" * 65, "k" * 300, "\"" + "k" * 64 + "\"", "é",
                   "\x01", "a\tb", "*", "W/\"\"", "-1", "0", "1", "18446744073709551616", "wait=1", "wait=-1",
                   "wait=x", "wait=", "receipt", "wait=1, receipt", ";;,,", "a=b; c=\"d", "00-0-0-0",
                   "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01", "https://elsewhere.example", "null"]
MEDIA_TYPES = ["text/plain", "application/json; charset=utf-8", "application/json; charset=latin1",
               "application/json;", "APPLICATION/JSON", "application/jsonx", "", "x", "multipart/form-data",
               "image/png", "image/svg+xml", "application/x-www-form-urlencoded"]
FIELDS = ("Idempotency-Key", "X-Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer", "X-Request-Id",
"traceparent", "Origin", "Accept", "Content-Encoding", "Cookie", "Range", "If-Match", "Forwarded",
"X-Forwarded-For", "X-HTTP-Method-Override", "Accept-Language")


class Request:
    """One request. `anywhere` are statuses that the document describes for every path, not for the operation."""

    def __init__(self, operation):
        self.operation = operation
        self.method, self.path = operation.method, operation.path
        self.query = []  # (name, value) as sent, not encoded
        self.raw_query = None  # replaces `query`
        self.headers, self.body = {}, None  # body: bytes or None
        self.value = None  # of the body, where it is JSON that every reader reads alike
        self.anywhere = set()

    def target(self):
        """Path and query as sent."""
        query = self.raw_query
        if query is None:
            query = urllib.parse.urlencode(self.query, errors="surrogatepass")
        return self.path + ("?" + query if query else "")

    def __str__(self):
        body = "" if self.body is None else f" {self.body[:1500]!r} ({len(self.body)} bytes)"
        return f"{self.method} {self.target()[:1500]} {self.headers}{body}"


class Generator:
    """Draws requests from a document. `hints(random, name)` returns a value for a name, or None for none."""

    def __init__(self, document, seed, without=()):
        self.document, self.seed = document, seed
        self.operations = [each for each in document.operations if each.id not in without]

    def request(self, number, hints, likely):
        """The request with this number. `hints`: see above. Of the operations that are not `likely` it draws fewer."""
        draw = random.Random(f"{self.seed}/{number}")
        operation = draw.choice(self.operations)
        while not likely(operation) and draw.random() < UNLIKELY_SKIPPED:
            operation = draw.choice(self.operations)
        return Drawing(self.document, draw, hints).request(operation)


class Drawing:
    """Draws one request."""

    def __init__(self, document, draw, hints):
        self.document, self.draw, self.hints = document, draw, hints

    def chance(self, share):
        """True in this share of the cases."""
        return self.draw.random() < share

    def request(self, operation):
        """A request of this operation; about half of them are as the document asks."""
        request = Request(operation)
        parameters = list(map(self.document.resolve, operation.details.get("parameters", [])))
        self.fill_path(request, [each for each in parameters if each["in"] == "path"])
        self.fill_query(request, [each for each in parameters if each["in"] == "query"])
        self.fill_headers(request, [each for each in parameters if each["in"] == "header"])
        self.fill_body(request)
        if request.method == "GET" and self.chance(0.04):
            request.method = "HEAD"
        if len(request.target()) > LONG_TARGET:
            request.anywhere.add(431)
        return request

    def fill_path(self, request, parameters):
        """Mostly ids that exist."""
        for each in parameters:
            if self.chance(0.06):
                value = self.draw.choice(STRANGE_IDS + STRANGE)
            elif self.chance(0.06):
                value = str(uuid.UUID(int=self.draw.getrandbits(128)))
            else:
                value = self.hinted(f"{request.operation.path}:{each['name']}")
                value = value if value is not None else str(uuid.UUID(int=self.draw.getrandbits(128), version=4))
                value = value.upper() if self.chance(0.02) else value
            quoted = urllib.parse.quote(value, safe="").replace(".", "%2e")
            request.path = request.path.replace("{" + each["name"] + "}", quoted or "%20")

    def fill_query(self, request, parameters):
        """A share of the parameters, and now and then one that is unknown, twice, or badly encoded."""
        for each in parameters:
            if each.get("required") or self.chance(0.35):
                value = self.hinted(each["name"]) if self.chance(0.5) else None
                value = self.value(each["schema"]) if value is None else value
                value = self.wrong(value) if self.chance(0.2) else value
                request.query += [(each["name"], self.as_text(value))] * (2 if self.chance(0.02) else 1)
        if self.chance(0.03):
            request.query.append((self.draw.choice(STRANGE), self.draw.choice(STRANGE)))
        if self.chance(0.02):
            name = self.draw.choice(parameters)["name"] if parameters else "q"
            request.raw_query = name + self.draw.choice(STRANGE_QUERIES)

    @staticmethod
    def as_text(value):
        """A value as a query has it."""
        return value if isinstance(value, str) else json.dumps(value)

    def fill_headers(self, request, parameters):
        """Described headers, and now and then others, with valid and strange values."""
        for each in parameters:
            if self.chance(0.9 if each.get("required") else 0.15):
                value = self.hinted(each["name"])
                request.headers[each["name"]] = value if value is not None else self.as_text(self.value(each["schema"]))
        if self.chance(0.12):
            request.headers[self.draw.choice(FIELDS)] = self.draw.choice(STRANGE_HEADERS)
        if self.chance(0.005):
            request.headers["X-Long"] = "x" * 40000
            request.anywhere.add(431)
        if self.chance(0.005):
            request.headers["Expect"] = self.draw.choice(["tea", "100-continue, tea"])
            request.anywhere.add(417)
        for name, value in request.headers.items():
            request.headers[name] = re.sub(r"[\r\n]", "?", value).encode("latin-1", "replace").decode("latin-1")

    def fill_body(self, request):
        """A body of the described type; now and then a wrong one, or one where none is expected."""
        content = request.operation.details.get("requestBody", {}).get("content", {})
        if not content:
            if request.method != "GET" and self.chance(0.1):
                request.body = self.draw.choice([b"{}", b"x", b'{"a":1}', b""])
                request.headers.setdefault("Content-Type", "application/json")
            return
        if self.chance(0.02):
            return
        kind = self.draw.choice(sorted(content))
        request.headers["Content-Type"] = kind
        if kind == "application/json":
            self.fill_json(request, content[kind]["schema"])
        else:
            request.body = self.hinted(kind) if self.chance(0.7) else self.draw.choice(NO_JSON)
            if request.body and self.chance(0.2):
                cut = self.draw.randrange(len(request.body))
                request.body = request.body[:cut] + bytes([self.draw.randrange(256)]) + request.body[cut + 1:]
        if self.chance(0.03):
            request.headers["Content-Type"] = self.draw.choice(MEDIA_TYPES)

    def fill_json(self, request, schema):
        """JSON of the schema, or a change of it."""
        if self.chance(0.07):
            request.body = self.draw.choice(NO_JSON) if self.chance(0.95) else b'{"a":"' + b"x" * TOO_LARGE + b'"}'
            return
        value = self.value(schema)
        for _ in range(self.draw.choice([0, 0, 0, 1, 1, 2])):
            value = self.changed(value)
        request.value = value
        request.body = json.dumps(value, ensure_ascii=self.chance(0.5)).encode("utf-8", "surrogatepass")

    def changed(self, value):
        """The value with one change, in an object that it holds or in itself."""
        if not isinstance(value, dict) or self.chance(0.05):
            return self.wrong(value)
        value = dict(value)
        name = self.draw.choice(sorted(value)) if value else "a"
        kind = self.draw.randrange(5)
        if kind == 0:
            value.pop(name, None)
        elif kind == 1:
            value[self.draw.choice(STRANGE_MEMBERS)] = self.wrong(None)
        elif kind == 2 and isinstance(value.get(name), dict):
            value[name] = self.changed(value[name])
        else:
            value[name] = self.wrong(value.get(name))
        return value

    def wrong(self, value):
        """Something else, often of another type."""
        kind = self.draw.randrange(8)
        if kind == 0:
            return self.draw.choice([None, True, False, [], {}, [None], {"a": None}, [[]], ""])
        if kind == 1:
            return self.draw.choice(NUMBERS)
        if kind == 2 and self.chance(0.2):
            return self.draw.choice(["x", "é", "\u0000"]) * LONG_TEXT
        if kind == 3 and isinstance(value, str):
            return value + self.draw.choice(STRANGE)
        if kind == 4 and isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.draw.choice([-value, value + 1, value - 1, value * 1000, str(value), value + 0.001])
        if kind == 5 and isinstance(value, list):
            return value + value if self.chance(0.5) else value * 200
        if kind == 6 and isinstance(value, str):
            return value.upper() if self.chance(0.5) else value[:-1]
        return self.draw.choice(STRANGE)

    def hinted(self, name):
        """A value of the caller for a name; None: it has none."""
        return self.hints(self.draw, name)

    def value(self, schema, name=None, depth=0):
        """A value that is valid for the schema, unless a pattern or a relation of members forbids it."""
        if "$ref" in schema:
            target = self.document.resolve({"$ref": schema["$ref"]})
            return self.value({**target, **{key: each for key, each in schema.items() if key != "$ref"}}, name, depth)
        hint = self.hinted(name) if name is not None and self.chance(0.8) else None
        if hint is not None:
            return hint
        for choice in ("oneOf", "anyOf"):
            if choice in schema and "properties" not in schema:
                return self.value(self.draw.choice(schema[choice]), name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.draw.choice(schema["enum"])
        kind = schema.get("type", "object" if "properties" in schema else "null")
        kind = self.draw.choice(kind) if isinstance(kind, list) else kind
        return getattr(self, f"a_{kind}")(schema, depth + 1) if depth < DEPTH_MAX else None

    def a_null(self, _schema, _depth):
        return None

    def a_boolean(self, _schema, _depth):
        return self.chance(0.5)

    def a_integer(self, schema, _depth):
        low = schema.get("minimum", -5)
        high = schema.get("maximum", low + 1000)
        some = self.draw.randint(low, high)
        return self.draw.choice([low, high, low - 1, high + 1, some, some, some])

    def a_number(self, schema, _depth):
        low, high = schema.get("minimum", schema.get("exclusiveMinimum", -5)), schema.get("maximum", 1000)
        some = round(self.draw.uniform(low, min(high, 1000)), 2)
        return self.draw.choice([low, high, some, self.draw.randint(1, 100)])

    def a_string(self, schema, _depth):
        form = schema.get("format")
        if form == "uuid" or "[0-9a-f]{8}" in schema.get("pattern", ""):
            return str(uuid.UUID(int=self.draw.getrandbits(128), version=4))
        if form == "date-time":
            day = f"20{self.draw.randint(20, 40)}-{self.draw.randint(1, 13):02}-{self.draw.randint(1, 31):02}"
            return f"{day}T12:00:00" + self.draw.choice(["Z", ".5Z", "+02:00", ""])
        if form == "email":
            return self.draw.choice(["nobody@example.org", "a@b", "é@example.org", "a" * 60 + "@example.org"])
        if form == "uri":
            return self.draw.choice(STRANGE_URLS)
        if schema.get("pattern", "").startswith("^[0-9]{1,10}"):
            return self.draw.choice(["12", "12.5", "9999999999.99", "0.01", "0"])
        if self.chance(0.1):
            return self.draw.choice(STRANGE)
        low, high = schema.get("minLength", 0), schema.get("maxLength", 40)
        length = self.draw.choice([low, high, low - 1, high + 1] + [self.draw.randint(low, min(high, 40))] * 4)
        return "".join(self.draw.choices(CHARACTERS, k=max(length, 0)))

    def a_array(self, schema, depth):
        low, high = schema.get("minItems", 0), schema.get("maxItems", 5)
        count = self.draw.choice([low, low + 1, min(high, 3), high, high + 1] if high <= 64 else [low, low + 1, 3])
        return [self.value(schema.get("items", {}), None, depth) for _ in range(count)]

    def a_object(self, schema, depth):
        required = schema.get("required", ())
        share = self.draw.choice([0.1, 0.5, 0.9])
        return {name: self.value(each, name, depth) for name, each in schema.get("properties", {}).items()
                if name in required or self.chance(share)}
