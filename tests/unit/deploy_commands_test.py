#!/usr/bin/python3
"""Tests how deploy/private and deploy/cluster answer wrong arguments and variables, without starting anything.

Each case runs one of them with an empty state folder. It must end with the named exit code and print the named text, and create
no deployment. Prints "deploy_commands_test: N passed, N failed" at the end.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name, arguments, variables, exit code, what it prints
PRIVATE = [
    ("no command prints the usage", [], {}, 2, "SYNOPSIS"),
    ("an unknown command", ["bogus"], {}, 2, "there is no command bogus; see deploy/private --help"),
    ("help", ["--help"], {}, 0, "EXIT STATUS"),
    ("help after a command starts nothing", ["up", "--help"], {}, 0, "EXIT STATUS"),
    ("an unexpected argument", ["up", "now"], {}, 2, "up takes no arguments: now"),
    ("a missing name of a service", ["pid"], {}, 2, "pid takes the name of a service"),
    ("two names of services", ["restart", "redis", "postgres"], {}, 2, "restart takes the name of a service"),
    ("no deployment", ["pid", "redis"], {}, 1, "There is no deployment in"),
    ("a number of bid workers that is none", ["up"], {"ROSTRUM_BIDWORKERS": "two"}, 1,
     "ROSTRUM_BIDWORKERS must be a number from 1 to 64: two"),
    ("no sale workers", ["up"], {"ROSTRUM_SALEWORKERS": "0"}, 1,
     "ROSTRUM_SALEWORKERS must be a number from 1 to 64: 0"),
    ("no bid workers", ["up"], {"ROSTRUM_BIDWORKERS": "0"}, 1, "ROSTRUM_BIDWORKERS must be a number from 1 to 64: 0"),
    ("a port that is none", ["run"], {"ROSTRUM_HTTP_PORT": "http"}, 1,
     "ROSTRUM_HTTP_PORT must be a port number from 1 to 65535: http"),
    ("a port out of bounds", ["up"], {"ROSTRUM_HTTP_PORT": "99999"}, 1,
     "ROSTRUM_HTTP_PORT must be a port number from 1 to 65535: 99999"),
    ("a switch that is neither 0 nor 1", ["up"], {"ROSTRUM_DEMO": "no"}, 1, "ROSTRUM_DEMO must be 0 or 1: no"),
    ("a missing program", ["up"], {"PATH": "without curl"}, 1, "curl is not installed: run make deps"),
    ("a folder of something else", ["up"], {"ROSTRUM_VAR": str(ROOT / "docs")}, 1,
     "is not empty and not a deployment of Rostrum: name another folder in ROSTRUM_VAR"),
]
CLUSTER = [
    ("no command prints the usage", [], {}, 2, "SYNOPSIS"),
    ("an unknown command", ["bogus"], {}, 2, "there is no command bogus; see deploy/cluster --help"),
    ("help", ["--help"], {}, 0, "EXIT STATUS"),
    ("help after a command starts nothing", ["up", "--help"], {}, 0, "EXIT STATUS"),
    ("an unexpected argument", ["up", "now"], {}, 2, "up takes no arguments: now"),
    ("a missing machine", ["cut"], {}, 2, "cut takes the name of a machine"),
    ("an unknown machine", ["kill", "redis-3"], {}, 2, "there is no machine redis-3"),
    ("a machine that cannot be struck", ["freeze", "host"], {}, 2, "there is no machine host"),
    ("an unknown role", ["leader", "kafka"], {}, 2, "there is no role kafka"),
    ("exec without a command", ["exec"], {}, 2, "exec takes a command"),
    ("no cluster to strike", ["kill", "redis-1"], {}, 1, "There is no cluster in"),
    ("no cluster to stop", ["down"], {}, 0, "There is no cluster in"),
    ("no cluster to delete", ["clean"], {}, 0, "There is no cluster in"),
    ("a port that is none", ["run"], {"ROSTRUM_HTTP_PORT": "http"}, 1,
     "ROSTRUM_HTTP_PORT must be a port number from 1 to 65535: http"),
    ("a missing program", ["up"], {"PATH": "without curl"}, 1, "curl is not installed: run make deps-cluster"),
]
COMMANDS = {"deploy/private": PRIVATE, "deploy/cluster": CLUSTER}


def path_without(program, folder):
    """A folder with links to all other programs."""
    os.mkdir(folder)
    for place in ("/usr/sbin", "/usr/bin"):
        for name in os.listdir(place):
            if name != program and not os.path.lexists(f"{folder}/{name}"):
                os.symlink(f"{place}/{name}", f"{folder}/{name}")
    return folder


def failure(command, arguments, variables, code, text):
    """None if the command answers as expected, else what it did."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROSTRUM_")}
        environment |= {"ROSTRUM_VAR": f"{folder}/var", "ROSTRUM_CLUSTER_VAR": f"{folder}/var"} | variables
        if "PATH" in variables:
            environment["PATH"] = path_without(variables["PATH"].removeprefix("without "), f"{folder}/bin")
        try:
            done = subprocess.run([ROOT / command, *arguments], env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "it did not end"
        made = os.path.exists(f"{folder}/var/.rostrum-deployment")
        if done.returncode != code or text not in done.stdout or made:
            return f"exit code {done.returncode}, {'a deployment, ' if made else ''}{done.stdout.strip()[-300:]}"
    return None


def main():
    cases = [(command, case) for command, table in COMMANDS.items() for case in table]
    failed = 0
    for command, (name, *case) in cases:
        reason = failure(command, *case)
        if reason is not None:
            print(f"deploy_commands_test: {command}: {name}: {reason}")
            failed += 1
    print(f"deploy_commands_test: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
