"""Statements for the deployment's PostgreSQL, run by psql. Called by the tests that are written in Python.

The password is in the environment, not an argument. Every call is a connection of its own.
"""
import json
import os
import subprocess
import urllib.parse
from decimal import Decimal

CONNECT_S = 2  # to one of several servers; the least that libpq allows


class DatabaseError(Exception):
    """A statement failed, or PostgreSQL did not answer in time."""


def connection(schema=None):
    """The environment in which psql and rostrumctl connect; with `schema`, its tables hide those of `public`."""
    url = urllib.parse.urlsplit(os.environ["ROSTRUM_PG_URL"])
    hosts, ports = zip(*(each.rpartition(":")[::2] for each in url.netloc.rpartition("@")[2].split(",")))
    names = {"PGHOST": ",".join(hosts), "PGPORT": ",".join(ports), "PGUSER": url.username, "PGPASSWORD": url.password}
    if len(hosts) > 1:  # a cluster: the one that can be written, without waiting long for one that is away
        names.update(PGTARGETSESSIONATTRS="read-write", PGCONNECT_TIMEOUT="2")
    names["PGDATABASE"] = url.path.lstrip("/")
    names = {name: value for name, value in names.items() if value not in (None, "", "None")}
    if len(hosts) > 1:
        names.update(PGTARGETSESSIONATTRS="read-write", PGCONNECT_TIMEOUT=str(CONNECT_S))
    if schema is not None:
        names["PGOPTIONS"] = f"-c search_path={schema},public"
    return {**os.environ, **names}


def sql(text, *options, schema=None, timeout=None):
    """Runs statements and returns the output. Raises DatabaseError after a failure or the timeout in seconds."""
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *options, "-f", "-"]
    try:
        done = subprocess.run(command, input=text, text=True, env=connection(schema), check=True, timeout=timeout,
                              capture_output=True)
    except subprocess.CalledProcessError as error:
        raise DatabaseError(error.stderr) from error
    except subprocess.TimeoutExpired as error:
        raise DatabaseError(f"no answer within {timeout} s") from error
    return done.stdout


def query_value(text):
    """The single value of a query, as text."""
    return sql(text, "-t", "-A").strip()


def query_rows(text, schema=None, timeout=None):
    """The rows of a query as dictionaries. Numbers with a point are decimals, without loss."""
    output = sql(f"SELECT to_jsonb(t) FROM ({text}) t", "-t", "-A", schema=schema, timeout=timeout)
    return [json.loads(line, parse_float=Decimal) for line in output.splitlines()]
