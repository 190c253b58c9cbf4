#!/usr/bin/python3
"""Tests that the check of the layers (tests/lint/layers) refuses each way of breaking their order.

Each case adds files that break the order to a scratch copy of the tree's C files. It compares the check's output and
exit code. Prints "layers_check_test: N passed, N failed" at the end.
"""
import pathlib
import shutil
import subprocess
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
TOP = ["bidworker", "common", "deploy", "endworker", "gateway", "notifyworker", "tests"]

# name, files added to the copy, what the check prints
CASES = [
    ("the tree itself is in order", {}, "each includes only what is below it, no circle"),
    ("an include of a layer above", {"common/base/below.h": '#include "common/io/pg.h"\n'},
     "common/base/below.h may not include common/io/pg.h: common/io is not below common/base"),
    ("an include of a gateway folder above", {"gateway/core/below.h": '#include "gateway/bid/bids.h"\n'},
     "gateway/core/below.h may not include gateway/bid/bids.h: gateway/bid is not below gateway/core"),
    ("an include of another program", {"endworker/other.c": '#include "bidworker/worker.h"\n'},
     "endworker/other.c may not include bidworker/worker.h: bidworker is not below endworker"),
    ("a folder without a place", {"common/misc/thing.h": "struct thing;\n"},
     "common/misc/thing.h: the folder common/misc has no place"),
    ("a header of other tests", {"tests/unit/guest.c": '#include "tests/contract/guest.h"\n'},
     "tests/unit/guest.c may not include tests/contract/guest.h: it belongs to other tests"),
    ("two units that include each other",
     {"common/io/hen.h": "struct hen;\n", "common/io/hen.c": '#include "common/io/egg.h"\n',
      "common/io/egg.h": '#include "common/io/hen.h"\n'},
     "common/io/egg and common/io/hen include each other"),
    ("three units in a circle",
     {"endworker/a.c": '#include "endworker/b.h"\n', "endworker/b.h": '#include "endworker/c.h"\n',
      "endworker/c.c": '#include "endworker/a.h"\n'},
     "endworker/a and endworker/b and endworker/c include each other"),
    ("two files that call each other through a header of neither",
     {"bidworker/both.h": "int ping_of_test(int n);\nint pong_of_test(int n);\n",
      "bidworker/ping.c": "int ping_of_test(int n)\n{\n    return pong_of_test(n - 1);\n}\n",
      "bidworker/pong.c": "int pong_of_test(int n)\n{\n    return n == 0 ? 0 : ping_of_test(n);\n}\n"},
     "bidworker/ping.c and bidworker/pong.c call each other"),
]


def scratch_copy(folder):
    """Copies the C files and the check into a new git repository, because the check lists its files with git."""
    for top in TOP:
        for source in [*(TREE / top).rglob("*.c"), *(TREE / top).rglob("*.h")]:
            copy = folder / source.relative_to(TREE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    (folder / "tests/lint").mkdir()
    shutil.copy(TREE / "tests/lint/layers", folder / "tests/lint")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def refusal_of(folder, files, expected):
    """Runs the check with these files added. Returns None if its output is as expected, otherwise the output."""
    for name, text in files.items():
        assert not (folder / name).exists(), name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    run = subprocess.run(["tests/lint/layers"], cwd=folder, capture_output=True, text=True, check=False)
    for name in files:
        (folder / name).unlink()
    lines = run.stdout.splitlines()
    # The check must report the broken order only.
    valid = len(lines) == 1 and expected in lines[0] and run.returncode == (1 if files else 0)
    return None if valid else f"exit code {run.returncode}: {run.stdout}{run.stderr}"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        scratch_copy(folder)
        for case, files, expected in CASES:
            error = refusal_of(folder, files, expected)
            if error is not None:
                failed += 1
                print(f"{case}: expected {expected!r}, got {error}")
    print(f"layers_check_test: {len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
