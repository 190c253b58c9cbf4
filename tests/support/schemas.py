"""JSON schemas of the API's documents: closes those of answers, and validates values.

For clients the objects in answers are open and enumerations marked by `x-extensible-enum` may grow. A test must find
each member and value that a document lacks. So it validates answers by a copy in which both are closed.
Called by tests/support/contract.py and tests/support/live_contract.py.
"""
import jsonschema

# Keywords whose schemas see only a part of an object.
PARTIAL = {"if", "then", "else", "not"}
MESSAGE_MAX = 400  # characters of an error


def closed(document):
    """A copy of the document in which every object and enumeration is closed."""
    bases = set(inherited(document))

    def copy(node, path, partial):
        if isinstance(node, list):
            return [copy(each, f"{path}/{index}", partial) for index, each in enumerate(node)]
        if not isinstance(node, dict):
            return node
        made = {name: copy(each, f"{path}/{name}", partial or name in PARTIAL) for name, each in node.items()
                if name not in ("example", "examples")}
        made.update({name: node[name] for name in ("example", "examples") if name in node})
        if "x-extensible-enum" in node and isinstance(node["x-extensible-enum"], list):
            made["enum"] = made.pop("x-extensible-enum")
        whole = is_object(node) and not partial and path not in bases and not path.endswith("/properties")
        if whole and "additionalProperties" not in node:
            made["unevaluatedProperties"] = False
        return made

    return copy(document, "#", False)


def is_object(node):
    """Whether a node is the schema of an object with known members."""
    inherits = isinstance(node.get("allOf"), list) and any("$ref" in each for each in node["allOf"])
    return inherits or (isinstance(node.get("properties"), dict) and node.get("type") == "object")


def inherited(node):
    """The references in each `allOf`: those schemas are parts of others."""
    if isinstance(node, list):
        for each in node:
            yield from inherited(each)
    elif isinstance(node, dict):
        parts = node.get("allOf")
        if isinstance(parts, list):
            yield from (each["$ref"] for each in parts if "$ref" in each)
        for each in node.values():
            yield from inherited(each)


class Validator:
    """Validates values by a schema whose references point into `document`."""

    def __init__(self, document, schema):
        self.by = jsonschema.Draft202012Validator(
            schema, resolver=jsonschema.RefResolver("", document),
            format_checker=jsonschema.draft202012_format_checker)

    def first_error(self, value):
        """The place and the reason of the deepest error; None if the value is valid.

        A member whose value is invalid counts as unevaluated in all schemas above, so those errors explain nothing.
        """
        errors = list(self.by.iter_errors(value))
        for error in errors:
            errors += error.context or []
        wrong = max(errors, default=None, key=lambda error: (error.validator != "unevaluatedProperties", len(error.path)))
        return None if wrong is None else f"{wrong.json_path}: {wrong.message[:MESSAGE_MAX]}"
