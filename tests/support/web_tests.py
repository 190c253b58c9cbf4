"""Runs tests of web/ by vitest and prints their result as other test programs do. `make deps-web` installs what it needs.

Called by tests/unit/web_client_unit_test.py and tests/browser/web_client_test.py.
"""
import json
import os
import subprocess
import tempfile

VITEST = "node_modules/vitest/vitest.mjs"
TEST_MS = 180000  # of one test, and of what is done before or after the tests of a file


def run_vitest(name, folder, environment=None):
    """Runs the tests in a folder of web/, or the one that ROSTRUM_TEST names. Returns the exit code."""
    if not os.path.exists(f"web/{VITEST}"):
        print(f"vitest is not in web/node_modules: run make deps-web\n{name}: 0 passed, 1 failed")
        return 1
    with tempfile.TemporaryDirectory(prefix="rostrum-vitest.") as scratch:
        report = os.path.join(scratch, "report.json")
        command = ["web/with-node", "node", VITEST, "run", "--root", folder.split("/", maxsplit=1)[0], "--dir", folder,
                   "--no-file-parallelism", f"--testTimeout={TEST_MS}", f"--hookTimeout={TEST_MS}", "--reporter=verbose", "--reporter=json",
                   f"--outputFile={report}"]
        if "ROSTRUM_TEST" in os.environ:
            command += ["-t", os.environ["ROSTRUM_TEST"]]
        done = subprocess.run(command, env={**os.environ, **(environment or {}), "NO_COLOR": "1"}, check=False)
        if not os.path.exists(report):
            print(f"{name}: 0 passed, 1 failed")
            return 1
        with open(report, encoding="utf-8") as file:
            results = json.load(file)
    passed, failed = results["numPassedTests"], results["numFailedTests"]
    if failed == 0 and done.returncode != 0:
        failed = 1  # a file that could not be loaded, or an error outside of tests
    print(f"{name}: {passed} passed, {failed} failed")
    return 1 if failed else 0
