#!/usr/bin/python3
"""Tests deploy/cluster: it opens, each command that breaks a machine breaks it as promised, and it leaves nothing behind.

The steps run in their order on one cluster. Prints "cluster_long_test: N passed, N failed" at the end.

Long: three nodes of RabbitMQ start.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from cluster import COMMAND, run as run_cluster  # noqa: E402 (needs the path above)

TREE = pathlib.Path(__file__).resolve().parents[2]
ANSWER_S = 3  # of a request
WHOLE_S = 600  # from a repair until nothing is missing; a loaded machine starts RabbitMQ in minutes
POLL_S = 2
UNREADY_S = 15  # until a gateway says that nothing is decided; it promises 10
GONE_S = 10  # until the parent of a killed process has noticed it
STARTING_S = (3, 12)  # until a start is interrupted: while the namespaces are made, and while the servers start
LOOKS_S, LOOK_S = 6, 0.5  # longer than the proxy takes to put a gateway aside
NO_AUCTION = "00000000-0000-7000-8000-000000000000"
CURL_TIMEOUT = 28  # exit code
CURL_REFUSED = 7
GATEWAY = "http://10.99.0.42:8080/ready"


def cluster(*words, code=0):
    """Runs a command of deploy/cluster, which must end with this exit code. Returns its output."""
    ended, out, errors = run_cluster(*words)
    text = "\n".join(filter(None, (out, errors)))
    assert ended == code, f"deploy/cluster {words}: exit code {ended}, not {code}: {text}"
    return text


def curl(url, *within, data=None, code=0):
    """Asks with GET, or with POST if there is data. Returns the body of the answer, whatever its status."""
    posted = [] if data is None else ["-H", "Content-Type: application/json", "-d", data]
    done = subprocess.run([*within, "curl", "-s", "--noproxy", "*", "--max-time", str(ANSWER_S), *posted, url],
                          stdout=subprocess.PIPE, text=True, check=False, cwd=TREE)
    assert done.returncode == code, f"curl {url}: exit code {done.returncode}, not {code}"
    return done.stdout


def wait_until_whole():
    until = time.monotonic() + WHOLE_S
    while True:
        code, out, errors = run_cluster("missing")
        if code == 0:
            return
        assert time.monotonic() < until, f"missing: {out} {errors}"
        time.sleep(POLL_S)


def state_of(machine):
    lines = (line.split() for line in cluster("status", code=3).splitlines())
    return next(words[2] for words in lines if words[0] == machine)


def processes(of=""):
    """The processes whose command names the state folder, or this folder in it."""
    folder = f"{os.environ['ROSTRUM_CLUSTER_VAR']}{of}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if folder in command and int(name) != os.getpid():
            found.append(command)
    return found


def living():
    """The commands of all processes whose working folder is the state folder, or in it; so also of the holders."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            folder = os.readlink(f"/proc/{name}/cwd")
            command = pathlib.Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if f"{folder}/".startswith(f"{os.environ['ROSTRUM_CLUSTER_VAR']}/"):
            found.append(command)
    return found


def nothing_lives():
    assert processes() == [], processes()
    until = time.monotonic() + GONE_S
    while left := living():
        assert time.monotonic() < until, left
        time.sleep(LOOK_S)


class Interrupted(Exception):
    """Stands for the exit that SIGTERM causes in this program."""


def raise_interrupted(*_):
    raise Interrupted


def a_start_that_a_signal_ends_leaves_nothing_running():
    for seconds in STARTING_S:
        with subprocess.Popen([COMMAND, "up"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            time.sleep(seconds)
            process.terminate()
            said = process.communicate()[0]
        assert process.returncode == 128 + signal.SIGTERM, f"exit code {process.returncode}: {said}"
        assert "is stopped again" in said, said
        nothing_lives()


def a_program_that_is_ended_during_a_start_waits_until_it_is_stopped():
    signal.signal(signal.SIGALRM, raise_interrupted)
    signal.alarm(STARTING_S[0])
    try:
        cluster("up")
        raise AssertionError("the start was not interrupted")
    except Interrupted:
        nothing_lives()


def it_opens_whole_and_answers_on_loopback():
    assert "The cluster runs at" in cluster("up")
    wait_until_whole()
    assert '"status":"ready"' in curl(f"http://127.0.0.1:{os.environ['ROSTRUM_HTTP_PORT']}/ready").replace(" ", "")
    cluster("status")


def a_second_start_is_refused():
    assert "is up already" in cluster("up", code=1)


def no_machine_has_a_route_out():
    assert "default" not in cluster("exec", "ip", "route")


def each_role_has_a_leader():
    for role in ("rabbitmq", "postgres", "redis", "endworker"):
        assert cluster("leader", role).startswith(f"{role}-")


def a_machine_that_is_cut_off_is_silent_and_the_others_answer():
    within = (COMMAND, "exec")
    cluster("cut", "gateway-2")
    curl(GATEWAY, *within, code=CURL_TIMEOUT)
    assert state_of("gateway-2") == "cut"
    curl(f"http://127.0.0.1:{os.environ['ROSTRUM_HTTP_PORT']}/ready")
    cluster("join", "gateway-2")
    curl(GATEWAY, *within)


def a_frozen_machine_does_not_answer():
    cluster("freeze", "gateway-2")
    curl(GATEWAY, COMMAND, "exec", code=CURL_TIMEOUT)
    assert state_of("gateway-2") == "frozen"
    cluster("thaw", "gateway-2")
    curl(GATEWAY, COMMAND, "exec")


def a_killed_or_stopped_machine_refuses_and_starts_again():
    for word in ("kill", "stop"):
        cluster(word, "gateway-2")
        curl(GATEWAY, COMMAND, "exec", code=CURL_REFUSED)
        assert state_of("gateway-2") == "down"
        assert cluster("missing", code=3) == "gateway-2 is down"
        cluster("start", "gateway-2")
        wait_until_whole()


def a_frozen_machine_is_stopped_and_starts_again():
    cluster("freeze", "gateway-2")
    cluster("stop", "gateway-2")
    assert state_of("gateway-2") == "down"
    assert processes(of="/machines/gateway-2/") == []
    cluster("start", "gateway-2")
    wait_until_whole()


def without_bid_workers_the_proxy_passes_reads_and_bids_are_answered_by_a_gateway():
    public = f"http://127.0.0.1:{os.environ['ROSTRUM_HTTP_PORT']}"
    for number in (1, 2, 3):
        cluster("stop", f"bidworker-{number}")
    until = time.monotonic() + UNREADY_S
    while json.loads(curl(f"{public}/ready"))["status"] != "unavailable":
        assert time.monotonic() < until, curl(f"{public}/ready")
        time.sleep(POLL_S)
    until = time.monotonic() + LOOKS_S
    while time.monotonic() < until:
        listed = curl(f"{public}/api/v1/auctions")
        assert '"items"' in listed, listed
        refused = curl(f"{public}/api/v1/auctions/{NO_AUCTION}/bids", data="{}")
        assert '"UNAUTHORIZED"' in refused, refused
        time.sleep(LOOK_S)
    for number in (1, 2, 3):
        cluster("start", f"bidworker-{number}")
    wait_until_whole()


def holders():
    """The pids of the processes that hold the machines' namespaces."""
    files = pathlib.Path(os.environ["ROSTRUM_CLUSTER_VAR"], "machines").glob("*/holder")
    return {file.read_text().split()[0] for file in files}


def it_is_stopped_even_if_its_switch_died():
    held = holders()
    os.kill(int(pathlib.Path(os.environ["ROSTRUM_CLUSTER_VAR"], "switch").read_text().split()[0]), signal.SIGKILL)
    cluster("down")
    assert processes() == [], processes()
    until = time.monotonic() + GONE_S
    while left := [pid for pid in held if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < until, f"holders that live: {left}"
        time.sleep(LOOK_S)


def it_leaves_nothing_behind():
    cluster("clean")
    assert processes() == [], processes()
    assert not os.path.lexists(os.environ["ROSTRUM_CLUSTER_VAR"])


STEPS = [a_start_that_a_signal_ends_leaves_nothing_running,
         a_program_that_is_ended_during_a_start_waits_until_it_is_stopped, it_opens_whole_and_answers_on_loopback,
         a_second_start_is_refused, no_machine_has_a_route_out,
         each_role_has_a_leader, a_machine_that_is_cut_off_is_silent_and_the_others_answer,
         a_frozen_machine_does_not_answer, a_killed_or_stopped_machine_refuses_and_starts_again,
         a_frozen_machine_is_stopped_and_starts_again,
         without_bid_workers_the_proxy_passes_reads_and_bids_are_answered_by_a_gateway,
         it_is_stopped_even_if_its_switch_died, it_leaves_nothing_behind]


def run():
    """Runs the steps until one fails. Returns how many passed."""
    for number, step in enumerate(STEPS):
        try:
            step()
        except (AssertionError, StopIteration) as error:
            print(f"FAILED {step.__name__}: {error}")
            return number
    return len(STEPS)


def clean(folder):
    """Removes the cluster. Its folder stays if it could not be stopped, because living machines use it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    code, out, errors = run_cluster("clean")
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"The cluster stays in {folder}: exit code {code}: {out} {errors}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="rostrum-test.", dir="/tmp")
    os.chmod(folder, 0o755)
    port = subprocess.run(["sh", "-c", ". tests/support/deployment.sh; deployment_free_port"], cwd=TREE, check=True,
                          capture_output=True, text=True).stdout.strip()
    os.environ.update(ROSTRUM_CLUSTER_VAR=f"{folder}/var", ROSTRUM_HTTP_PORT=port)
    try:
        passed = run()
    finally:
        clean(folder)
    print(f"cluster_long_test: {passed} passed, {len(STEPS) - passed} failed")
    sys.exit(1 if passed < len(STEPS) else 0)


if __name__ == "__main__":
    main()
