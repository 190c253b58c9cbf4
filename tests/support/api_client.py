"""A client that knows the API only by the OpenAPI document that the deployment serves.

It takes paths and statuses from the document, and checks the member names of a body before sending it. Called by
tests/contract/api_client_test.py and tests/contract/sale_clients_test.py.
"""
import json
import time
import urllib.error
import urllib.request
import uuid

WAIT_S = 60  # until an auction has ended and is settled
POLL_S = 0.1


class ApiClient:
    """Calls operations of the document by operationId."""

    def __init__(self, url):
        self.url = url
        with urllib.request.urlopen(url + "/api/v1/openapi.json") as answer:
            self.document = json.load(answer)
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if method in ("get", "post", "put", "patch", "delete")
        }

    def name_at(self, method, path):
        """The operationId of a path."""
        return next(name for name, (own, at, _) in self.operations.items() if (own, at) == (method, path))

    def resolve(self, schema):
        while "$ref" in schema:
            found = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def check_body(self, operation, body):
        schema = self.resolve(operation["requestBody"]["content"]["application/json"]["schema"])
        missing = set(schema.get("required", ())) - set(body)
        unknown = set(body) - set(schema["properties"])
        if missing or unknown:
            raise AssertionError(f"{operation['operationId']}: missing {missing}, unknown {unknown}")

    def call(self, name, body=None, token=None, headers=None, query="", **parameters):
        """Returns status and JSON. Fails if the document does not describe that status."""
        method, path, operation = self.operations[name]
        if body is not None:
            self.check_body(operation, body)
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path.format(**parameters) + query, data, headers, method=method)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
            if str(answer.status) not in operation["responses"]:
                raise AssertionError(f"{name}: {answer.status} is not described: {text!r}")
            return answer.status, json.loads(text) if text else None

    def call_ok(self, name, *given, **named):
        status, data = self.call(name, *given, **named)
        if status >= 300:
            raise AssertionError(f"{name}: {status} {data}")
        return data

    def new_user(self, name):
        """Registers a user and returns an access token."""
        account = {"email": f"{name}.{uuid.uuid4().hex[:12]}@example.org", "password": "correct horse battery"}
        self.call_ok("register", {**account, "displayName": name})
        return self.call_ok("logIn", account)["accessToken"]


def wait_for(what, condition):
    """The first true value of the condition."""
    until = time.monotonic() + WAIT_S
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what} not received within {WAIT_S} s")
        time.sleep(POLL_S)
    return found
