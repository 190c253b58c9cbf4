#!/usr/bin/python3
"""An opening of a flash sale with 300 buyers for 20 units while the sale worker and its servers are killed and stopped.

The commands are messages (sale_post.py), so nothing but the worker and the servers decides what comes of them. Every
command is decided once, places are served in their order, exactly 20 units are confirmed, and `rostrumctl verify` finds
no difference. Payments come twice, late, with wrong amounts, for cancelled and for unknown orders.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_post import PostShop  # noqa: E402 (needs the path above)
from sale_trial import OWNER_HUNG, OWNER_KILLED, Opening, hung, killed, main  # noqa: E402

FAULTS = [OWNER_KILLED, OWNER_HUNG, killed("saleworker-1"), hung("saleworker-1"), killed("redis"), killed("endworker")]

if __name__ == "__main__":
    main("sale_worker_faults_test", Opening(buyers=300, units=20, faults=FAULTS, pause_s=1, most_s=120),
         lambda: PostShop("callback"))
