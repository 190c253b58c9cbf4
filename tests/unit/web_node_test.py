#!/usr/bin/python3
"""web/with-node where npm fetches nothing, as without a network: it fails, and the next run tries again."""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = {"node": "echo v18.0.0", "npm": 'mkdir -p "$3/node_modules"'}  # npm ci --prefix FOLDER: Node is optional there


def runs(folder):
    """The exit codes and messages of two runs, one after the other."""
    os.makedirs(f"{folder}/bin")
    os.makedirs(f"{folder}/web/toolchain")
    shutil.copy(f"{ROOT}/web/with-node", f"{folder}/web/with-node")
    shutil.copy(f"{ROOT}/web/toolchain/package-lock.json", f"{folder}/web/toolchain/package-lock.json")
    for name, line in PROGRAMS.items():
        with open(f"{folder}/bin/{name}", "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{line}\n")
        os.chmod(file.name, 0o755)
    command = [f"{folder}/web/with-node", "node", "--version"]
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return [subprocess.run(command, env=environment, check=False, capture_output=True, text=True) for _ in range(2)]


def main():
    """Runs the test and prints the summary."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="rostrum-node.") as folder:
        for run in runs(folder):
            if run.returncode != 1 or "npm could not fetch Node" not in run.stderr:
                print(f"FAILED exit code {run.returncode}: {run.stdout}{run.stderr}")
                failed += 1
    print(f"web_node_test: {2 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
