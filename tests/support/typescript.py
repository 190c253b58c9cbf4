"""Compiles accepted calls against the types that openapi-typescript makes of the OpenAPI document, by `tsc --strict`.

Each call becomes a constant with its parameters and its body, and each answer another one. So the compiler finds a valid
call that the types refuse, and an answer that they do not allow. A body with an unknown member must not compile.
Called by tests/contract/openapi_test.py. `make deps-types` installs the tools.
"""
import json
import os
import re
import subprocess
import tempfile
import urllib.parse

TOOLS = "build/types/node_modules"  # also if BUILD names another folder
COMPILE_S = 300
HEAD = """import type { operations } from "./api";
type Sent<O extends keyof operations> = Pick<operations[O], "parameters" | "requestBody">;
type Json<R> = R extends { content: { [type: string]: infer B } } ? B : never;
type Got<O extends keyof operations, S extends keyof operations[O]["responses"]> = Json<operations[O]["responses"][S]>;
"""


class CompileError(Exception):
    """The types refuse a valid call, or allow an invalid one."""


def compile_calls(document, path):
    """Compiles the recorded calls of a contract.Document whose source is `path`. Returns the number of constants."""
    if not os.path.exists(f"{TOOLS}/.bin/tsc"):
        raise CompileError(f"the compiler is not in {TOOLS}: run make deps-types")
    lines = list(dict.fromkeys(line for call in document.calls for line in constants(document, *call)))
    with tempfile.TemporaryDirectory(prefix="rostrum-types.") as folder:
        run("node", f"{TOOLS}/openapi-typescript/bin/cli.js", path, "-o", f"{folder}/api.d.ts")
        with open(f"{folder}/calls.ts", "w", encoding="utf-8") as file:
            file.write(HEAD)
            for index, line in enumerate(lines):
                file.write(line.replace("NAME", f"each{index}") + "\n")
        run("node", f"{TOOLS}/typescript/bin/tsc", "--strict", "--target", "es2022", f"{folder}/calls.ts")
    return len(lines)


def run(*command):
    """Raises CompileError with the end of the output if a command fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMPILE_S,
                          check=False)
    if done.returncode != 0:
        raise CompileError(f"{os.path.basename(command[1])}: {done.stdout[-3000:]}")


def constants(document, operation, path, headers, body, reply):
    """The lines of one call, which the caller names."""
    name, parameters = json.dumps(operation.id), write_parameters(document, operation, path, headers)
    if not isinstance(body, bytes):
        sent = [parameters] + ([write_body(body)] if body is not None else [])
        yield f"export const NAME: Sent<{name}> = {{ {', '.join(sent)} }};"
    if isinstance(body, dict):
        wrong = write_body({**body, "unknownMember": 1})
        yield f"// @ts-expect-error\nexport const NAME: Sent<{name}> = {{ {parameters}, {wrong} }};"
    if reply.data is not None:
        yield f"export const NAME: Got<{name}, {reply.status}> = {plain(reply.data)};"


def plain(data):
    """JSON as TypeScript, with equal texts for calls that differ only in what the types do not see."""
    text = json.dumps(data)
    text = re.sub(r'"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"', '"01890000-0000-7000-8000-000000000000"', text)
    return re.sub(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"', '"2026-05-01T13:30:15.120Z"', text)


def write_body(body):
    """The member `requestBody`."""
    return f'requestBody: {{ content: {{ "application/json": {plain(body)} }} }}'


def write_parameters(document, operation, path, headers):
    """The member `parameters`: those of the path, the query and the headers that the document describes."""
    path, _, query = path.partition("?")
    names = re.findall(r"\{([^}]+)\}", operation.path)
    pattern = "([^/]+)".join(re.escape(part) for part in re.split(r"\{[^}]+\}", operation.path))
    values = {"path": dict(zip(names, re.fullmatch(pattern, path).groups())), "query": {}, "header": {}}
    given = {"query": dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), "header": headers}
    for parameter in map(document.resolve, operation.details.get("parameters", [])):
        sent = given.get(parameter["in"], {})
        if parameter["name"] in sent:
            schema = document.resolve(parameter["schema"])
            values[parameter["in"]][parameter["name"]] = typed(schema, sent[parameter["name"]])
    return f"parameters: {plain({kind: each for kind, each in values.items() if each})}"


def typed(schema, text):
    """The value of a parameter that the document gives another type than a text."""
    if schema.get("type") in ("integer", "number", "boolean"):
        return json.loads(text)
    return text
