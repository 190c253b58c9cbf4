#!/usr/bin/python3
"""20,000 generated requests; see generated_requests_test.py. ROSTRUM_SEED=N tries others.

Long: it takes minutes.
Runs alone: it creates webhooks of the deployment and bans users.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from generated_requests import main  # noqa: E402 (needs the path above)

SEED = 2
REQUESTS = 20000

if __name__ == "__main__":
    sys.exit(main("generated_requests_long_test", SEED, REQUESTS))
