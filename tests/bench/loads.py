"""Loads of bids for tests/bench/run: full load by wrk (closed loop), and bids at a rate by offered.c (open loop).

Both share the processors with what they measure. Each answer has the processor time of the generator, in seconds.
"""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = "/api/v1/auctions/"
CONNECTIONS_OFFERED = 256  # enough that a bid rarely waits for a free one below saturation
MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


class Fixture:
    """Auctions and session tokens: the Lua file that seed.c, or the peer's seed.js, has written."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lists = dict(re.findall(r"(ids|toks)=\{([^}]*)\}", file.read()))
        self.auctions, self.sessions = (re.findall(r'"([^"]+)"', lists[name]) for name in ("ids", "toks"))

    def write(self, path, count=None, more=()):
        """Writes it with its first `count` auctions (None: all), and `more` auctions."""
        lists = (("ids", self.auctions[:count] + list(more)), ("toks", self.sessions))
        with open(path, "w", encoding="utf-8") as file:
            for name, values in lists:
                file.write(f"{name}={{" + "".join(f'"{value}",' for value in values) + "}\n")

    def listed(self, most=None):
        """Its auctions as a list of SQL."""
        return ", ".join(f"'{auction}'" for auction in self.auctions[:most])


def run(command, environment):
    """The output of a command, and its processor time."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return text, usage.ru_utime + usage.ru_stime


def full(url, fixture, connections, seconds, path=PATH, field=""):
    """As many bids as the connections can place: answers 202 a second, refusals, and latency in ms."""
    environment = {**os.environ, "BENCH_FIXTURE": fixture, "BENCH_PATH": path, "BENCH_FIELD": field, "HOT": "0"}
    text, spent = run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s",
                       f"{ROOT}/tests/bench/load.lua", url], environment)
    answers, refused = map(int, re.search(r"answers: (\d+) refused: (\d+)", text).groups())
    took = float(re.search(r"requests in ([0-9.]+)s,", text).group(1))
    found = {"answered": answers - refused, "taken": (answers - refused) / took, "refused": refused, "client_s": spent}
    for share, value, unit in re.findall(r"^ +(50|99)% +([0-9.]+)(us|ms|s|m)$", text, re.MULTILINE):
        found[f"p{share}"] = float(value) * MS[unit]
    return found


def offered(url, fixture, rate, seconds, connections=CONNECTIONS_OFFERED, header=""):
    """Bids at a rate: latencies in ms from the time when each was due (offered.c says more)."""
    program = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tests/bench/offered")
    text, spent = run([program, fixture, url, f"{rate:.0f}", str(seconds), str(connections), *([header] if header else [])],
                      os.environ)
    words = text.split()
    found = {name: float(value) for name, value in zip(words[::2], words[1::2])}
    for name in ("p50", "p90", "p99", "p999", "most", "late"):
        found[name] /= 1000
    found.update(client_s=spent, answered=int(found.pop("all")), taken=found["taken"] / seconds)
    return found
