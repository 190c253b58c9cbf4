#!/usr/bin/python3
"""A command kind that some table lacks does not compile: runs tests/lint/forgotten-kind and counts what it shows."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    shown = subprocess.run(["tests/lint/forgotten-kind"], cwd=ROOT, capture_output=True, text=True)
    lines = shown.stdout.splitlines()
    passed = sum(line.startswith("ok ") for line in lines)
    failed = len(lines) - passed
    print("".join(f"{line}\n" for line in lines if not line.startswith("ok ")) + shown.stderr, end="")
    failed += failed == 0 and shown.returncode != 0
    print(f"forgotten_kind_test: {passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
