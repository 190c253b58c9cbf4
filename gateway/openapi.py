#!/usr/bin/python3
"""openapi.py NAME DOCUMENT.yaml: prints a C source that holds the document as compact JSON and its entity tag.

The source defines `NAME_document` of openapi.h. The Makefile calls it. The JSON becomes an array of numbers, because C
limits the length of a string literal. A reference to a schema of another file is replaced by a copy of that schema, so
that a served document is complete.
"""
import hashlib
import json
import os
import re
import sys

import yaml

COLUMNS = 24
OUTSIDE = re.compile(r"([a-z]+\.yaml)#/components/schemas/([A-Za-z]+)")


def load(path):
    """The document of a YAML file, with the schemas of other files that it refers to."""
    files = {}

    def schema(name, key):
        if name not in files:
            with open(os.path.join(os.path.dirname(path), name), encoding="utf-8") as file:
                files[name] = yaml.safe_load(file)
        return files[name]["components"]["schemas"][key]

    def copy(node, name):
        """A copy whose references point into `document`; `name` is the file of the node, or None for `path`."""
        if isinstance(node, list):
            return [copy(each, name) for each in node]
        if not isinstance(node, dict):
            return node
        return {key: adopt(each, name) if key == "$ref" else copy(each, name) for key, each in node.items()}

    def adopt(reference, name):
        found = OUTSIDE.fullmatch(reference if name is None else name + reference)
        if found is None:
            return reference
        source, key = found.groups()
        if key in own:
            raise ValueError(f"{path} and {source} both define {key}")
        if key not in adopted:
            adopted[key] = None  # ends circles
            adopted[key] = copy(schema(source, key), source)
        return f"#/components/schemas/{key}"

    with open(path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    own, adopted = document["components"]["schemas"].keys(), {}
    document = copy(document, None)
    document["components"]["schemas"].update(adopted)
    return document


def main():
    """See above."""
    name, path = sys.argv[1:]
    text = json.dumps(load(path), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    print(f"/* Generated from {path} by gateway/openapi.py. */")
    print('#include "gateway/openapi.h"\n')
    print("static const unsigned char json[] = {")
    for begin in range(0, len(text), COLUMNS):
        print("    " + "".join(f"{byte}," for byte in text[begin : begin + COLUMNS]))
    print("};\n")
    tag = hashlib.sha256(text).hexdigest()[:32]
    print(f'const struct openapi_document {name}_document = {{json, sizeof(json), "\\"{tag}\\""}};')


if __name__ == "__main__":
    main()
