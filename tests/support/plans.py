"""What statements read: their generic plans, and the buffers of an execution. Called by tests that look at plans.

A session of a program prepares a statement once, and PostgreSQL may run it with its generic plan, which knows no values.
So this plan must not read what grows with the deployment.
"""
import json
import re

from database import sql

TABLES = ("users", "auctions", "auction_prices", "bids", "watchlist", "watch_counts", "notifications", "audit_log",
          "queue_entries", "orders")
VIEWED_MOST = 2000  # rows that the planner expects of a table, unless a LIMIT above ends the reading
MARK = "=== "
TABLE_NODES = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan")


def parameters(text):
    """The number of parameters of a statement."""
    return max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)


def explained(texts, values=None, options="", schema=None, before=""):
    """The output of EXPLAIN for each statement of a dictionary; `values`: texts of its parameters, else all are NULL."""
    script = ["SET jit = off;", "SET plan_cache_mode = force_generic_plan;", before]
    for name, text in texts.items():
        given = (values or {}).get(name, ["NULL"] * parameters(text))
        script += [f"\\echo {MARK}{name}", f"PREPARE of_test AS {text};", "BEGIN;",
                   f"EXPLAIN (FORMAT JSON{options}) EXECUTE of_test" + (f"({', '.join(given)});" if given else ";"), "ROLLBACK;",
                   "DEALLOCATE of_test;"]
    answer = sql("\n".join(script), "-t", "-A", schema=schema)
    parts = [part.split("\n", 1) for part in answer.split(MARK)[1:]]
    return {name: json.loads(plan)[0] for name, plan in parts}


def nodes(plan, limited=False):
    """All nodes of a plan, each with whether a LIMIT above it ends its reading early."""
    yield plan, limited
    kind = plan["Node Type"]
    passes = kind not in ("Sort", "Aggregate", "Hash", "WindowAgg", "Materialize", "SetOp", "Unique", "Group", "CTE Scan")
    for each in plan.get("Plans", []):
        inner = each.get("Parent Relationship") in ("InitPlan", "SubPlan")
        yield from nodes(each, kind == "Limit" or (limited and passes and not inner))


def fault(node, limited):
    """What a node reads that grows with its table, or None."""
    kind, table = node["Node Type"], node.get("Relation Name")
    if kind not in TABLE_NODES or table not in TABLES:
        return None
    if kind == "Seq Scan":
        return f"reads all of {table}"
    condition = node.get("Index Cond") or node.get("Recheck Cond")
    if condition is None and ("Filter" in node or not limited):
        return f"reads {table} by {node.get('Index Name', kind)} without a condition"
    if not limited and node["Plan Rows"] > VIEWED_MOST:
        return f"reads about {node['Plan Rows']} rows of {table}"
    return None


def faults(plan):
    """What of a plan grows with the tables, as sentences."""
    return sorted({found for found in (fault(*each) for each in nodes(plan["Plan"])) if found is not None})


def buffers(plan):
    """Blocks that an execution read, in shared buffers or not."""
    return sum(plan["Plan"][f"{kind} {how} Blocks"] for kind in ("Shared", "Local") for how in ("Hit", "Read"))
