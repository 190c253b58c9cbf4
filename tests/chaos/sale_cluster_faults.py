#!/usr/bin/python3
"""An opening of a flash sale with 300 buyers for 20 units on a cluster, while the machine of the sale worker that decides
is killed, stopped and cut off. Another sale worker must take over each time. Called by cluster-run.

The table and the checks are those of sale_trial.py. ROSTRUM_CLUSTER_VAR names the cluster's state folder.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from cluster_faults import HEALS, WORDS, cluster  # noqa: E402 (needs the path above)
from sale_shop import Shop  # noqa: E402
from sale_trial import Opening, main, taken_over  # noqa: E402


def owner_struck(how):
    return taken_over(f"the sale worker that decides: {WORDS[how]}", lambda machine: cluster(how, machine),
                      lambda machine: cluster(HEALS[how], machine))


if __name__ == "__main__":
    main("sale_cluster_faults",
         Opening(buyers=300, units=20, faults=[owner_struck(how) for how in HEALS], pause_s=2, most_s=300, turn_s=6,
                 reservation_s=6),
         lambda: Shop(os.environ["ROSTRUM_HTTP_URL"]))
