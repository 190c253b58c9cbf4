#!/usr/bin/python3
"""10,000 buyers for 100 units, by messages, while the sale worker and each server is killed, stopped and taken away.

Long: each fault has its time, and 10,000 users join.

As sale_worker_faults_test.py, in full.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_post import PostShop  # noqa: E402 (needs the path above)
from sale_trial import OWNER_HUNG, OWNER_KILLED, SERVERS, Opening, down, hung, killed, main  # noqa: E402

FAULTS = [OWNER_KILLED, *(make(service) for service in ("saleworker-1", "endworker", "saleworker-1")
                          for make in (killed, hung)), OWNER_HUNG,
          *(make(service) for service in SERVERS for make in (killed, hung, down))]

if __name__ == "__main__":
    main("sale_worker_faults_long_test",
         Opening(buyers=10000, units=100, faults=FAULTS, pause_s=4, most_s=900, turn_s=10, reservation_s=10), PostShop)
