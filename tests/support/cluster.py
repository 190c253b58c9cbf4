"""Runs commands of deploy/cluster. Called by tests/cluster and tests/chaos.

ROSTRUM_CLUSTER_VAR names the cluster's state folder.
"""
import pathlib
import subprocess

COMMAND = pathlib.Path(__file__).resolve().parents[2] / "deploy/cluster"


def run(*words):
    """Runs a command, and returns its exit code, its output and its errors.

    After a signal or an error in this program the command is ended by SIGTERM, and waited for, because it stops first
    what it has started. subprocess.run would end it by SIGKILL.
    """
    with subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    return process.returncode, out.strip(), errors.strip()
