#!/usr/bin/python3
"""openapi.py DOCUMENT.yaml: prints, as C, the document as compact JSON and its entity tag; see openapi.h.

Called by the Makefile. An array of numbers, because a C compiler need not take a string of that length.
"""
import hashlib
import json
import sys

import yaml

COLUMNS = 24

with open(sys.argv[1], encoding="utf-8") as file:
    document = yaml.safe_load(file)
text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
print("/* Made from gateway/openapi.yaml by gateway/openapi.py. */")
print('#include "gateway/openapi.h"\n')
print(f'const char openapi_etag[] = "\\"{hashlib.sha256(text).hexdigest()[:32]}\\"";')
print(f"const size_t openapi_json_length = {len(text)};")
print("const unsigned char openapi_json[] = {")
for begin in range(0, len(text), COLUMNS):
    print("    " + "".join(f"{byte}," for byte in text[begin : begin + COLUMNS]))
print("};")
