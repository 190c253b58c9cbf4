#!/usr/bin/python3
"""openapi.py DOCUMENT.yaml: prints a C source that holds the document as compact JSON and its entity tag (openapi.h).

The Makefile calls it. The JSON becomes an array of numbers, because C limits the length of a string literal.
"""
import hashlib
import json
import sys

import yaml

COLUMNS = 24

with open(sys.argv[1], encoding="utf-8") as file:
    document = yaml.safe_load(file)
text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
print("/* Generated from gateway/openapi.yaml by gateway/openapi.py. */")
print('#include "gateway/openapi.h"\n')
print(f'const char openapi_etag[] = "\\"{hashlib.sha256(text).hexdigest()[:32]}\\"";')
print(f"const size_t openapi_json_length = {len(text)};")
print("const unsigned char openapi_json[] = {")
for begin in range(0, len(text), COLUMNS):
    print("    " + "".join(f"{byte}," for byte in text[begin : begin + COLUMNS]))
print("};")
