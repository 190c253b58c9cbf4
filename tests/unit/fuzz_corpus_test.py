#!/usr/bin/env python3
"""Replays the corpus of every fuzz target with the target's build without libFuzzer.

An input that violates an assertion ends the program. It counts as failed, and the remaining inputs are replayed by a
new process. Inputs are small, because `make fuzz` starts from all of them.
"""
import os
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = TREE / os.environ.get("BUILD", "build")
INPUTS_MAX = 60
BYTES_MAX = 2048


def replay(program, inputs):
    """Replays all inputs; returns those that failed."""
    failed = []
    while inputs:
        run = subprocess.run([program, *inputs], capture_output=True, text=True, errors="replace", cwd=TREE)
        if run.returncode == 0:
            break
        # The program prints each path before it runs it.
        begun = [line for line in run.stderr.splitlines() if line in map(str, inputs)]
        print(f"{program.name} ended with code {run.returncode}:\n{run.stderr[-4000:]}")
        if not begun:
            return failed + inputs
        failing = [each for each in inputs if str(each) == begun[-1]][0]
        failed.append(failing)
        inputs = inputs[inputs.index(failing) + 1:]
    return failed


def main():
    passed = failed = 0
    targets = sorted(source.stem for source in (TREE / "tests/fuzz").glob("*.c"))
    for target in targets:
        inputs = sorted((TREE / "tests/fuzz/corpus" / target).iterdir())
        failing = replay(BUILD / "tests/fuzz" / target, inputs)
        failing += [each for each in inputs if each.stat().st_size > BYTES_MAX]
        if not 0 < len(inputs) <= INPUTS_MAX:
            print(f"{target} has {len(inputs)} inputs; it must have 1 to {INPUTS_MAX}")
            failed += 1
        for each in failing:
            print(f"failed: {each.relative_to(TREE)}")
        failed += len(failing)
        passed += len(inputs) - len(failing)
    print(f"fuzz_corpus_test: {passed} passed, {failed} failed")
    return 1 if failed or not targets else 0


sys.exit(main())
