#!/usr/bin/python3
"""Faults, one after another: each is struck under load, and the checker judges what came of it.

No bid that was answered 202 may be lost, decided twice or out of order, and no other violation of judge.py may show.
`rostrumctl verify` must find no difference, and the deployment must become ready again without help. Prints a table
with a row for each fault, then what was wrong.

With the argument `all` it runs all faults (tests/chaos/run), with `cluster` those of a cluster (tests/chaos/cluster-run),
without an argument those of the short form (tests/run). All of them name the deployment in the environment.
"""
import os
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import cluster_faults  # noqa: E402 (needs the path above)
from faults import FAULTS  # noqa: E402
import trial  # noqa: E402


def run(fault):
    """Runs a fault and prints its row. Returns what was wrong as text, "" if nothing was."""
    try:
        row = trial.run(fault)
    except Exception:  # whatever it is, the other faults still run
        return traceback.format_exc()
    trial.print_row(row.columns())
    wrong = row.details()
    if row.seconds is None:
        wrong.append("bids were not taken and decided again")
    elif row.seconds == float("inf"):
        wrong.append("nobody took over")
    elif fault.limit_s is not None and row.seconds > fault.limit_s:
        wrong.append(f"that took more than {fault.limit_s} s")
    command = [f"{os.environ.get('BUILD', 'build')}/bin/rostrumctl", "verify"]
    verify = subprocess.run(command, capture_output=True, text=True, check=False)
    if verify.returncode != 0:
        wrong.append(f"rostrumctl verify: exit code {verify.returncode}: {verify.stdout}{verify.stderr}")
    return "\n".join(wrong)


def main():
    """Runs the faults."""
    known = cluster_faults.FAULTS if sys.argv[1:] == ["cluster"] else FAULTS
    chosen = [fault for fault in known if fault.short or sys.argv[1:]]
    if "ROSTRUM_TEST" in os.environ:
        chosen = [fault for fault in known if fault.case == os.environ["ROSTRUM_TEST"]]
    trial.print_row(trial.HEADINGS)
    results = [(fault, run(fault)) for fault in chosen]
    for fault, wrong in results:
        if wrong:
            print(f"FAILED {fault.case}:\n{wrong}")
    failed = sum(wrong != "" for _, wrong in results)
    print(f"faults_test: {len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not results else 0)


if __name__ == "__main__":
    main()
