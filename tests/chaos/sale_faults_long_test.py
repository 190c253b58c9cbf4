#!/usr/bin/python3
"""10,000 buyers for 100 units, while each program and server is killed, stopped and taken away.

Long: each fault has its time, and 10,000 users join.

As sale_faults_test.py, in full.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_shop import Shop  # noqa: E402 (needs the path above)
from sale_trial import OWNER_HUNG, OWNER_KILLED, PROGRAMS, SERVERS, Opening, down, hung, killed, main  # noqa: E402

FAULTS = [*(make(service) for service in PROGRAMS + SERVERS for make in (killed, hung)), OWNER_KILLED, OWNER_HUNG,
          *(down(service) for service in SERVERS)]

if __name__ == "__main__":
    main("sale_faults_long_test",
         Opening(buyers=10000, units=100, faults=FAULTS, pause_s=2, most_s=900, turn_s=25, reservation_s=25),
         lambda: Shop(os.environ["ROSTRUM_HTTP_URL"]))
