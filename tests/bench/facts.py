"""Facts of the machine and the run that the measured page names: no names of machines, no paths."""
import os
import platform
import re
import subprocess
import time

LOOK_S = 3


def output(*command):
    """The output of a command, "" if it fails or is missing."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""


def version(text):
    """The first version in a text."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group(0) if found else "unknown"


def memory_gb():
    """The memory of the machine."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def ticks():
    """The ticks of all processors since the machine started: all, and idle ones."""
    with open("/proc/stat", encoding="utf-8") as file:
        counts = list(map(int, file.readline().split()[1:9]))
    return sum(counts), counts[3] + counts[4]


def busy():
    """The share of the processors that is busy without this program, as a percentage."""
    before = ticks()
    time.sleep(LOOK_S)
    after = ticks()
    return f"{100 - 100 * (after[1] - before[1]) / (after[0] - before[0]):.0f} %"


def found(side):
    """Facts by name; the servers are those of a deployment."""
    session = side.session()
    postgres = session.lines("SHOW server_version")[0]
    session.close()
    return {
        "processors": os.cpu_count(),
        "memory": f"{memory_gb()} GB",
        "linux": ".".join(platform.release().split(".")[:2]),
        "postgresql": version(postgres),
        "redis": version(output("redis-server", "--version")),
        "rabbitmq": version(side.run("deploy/private", "rabbitmqctl", "-q", "version")),
        "gcc": version(output("gcc", "-dumpfullversion")),
        "node": version(output("node", "--version")),
        "commit": output("git", "log", "-1", "--format=%cs").strip() or "unknown",
    }
