#!/usr/bin/python3
"""20,000 generated requests with a new seed, which it prints; see generated_requests_test.py.

Long: it takes minutes.
Runs alone: it creates webhooks of the deployment and bans users.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from generated_requests import main  # noqa: E402 (needs the path above)

REQUESTS = 20000

if __name__ == "__main__":
    sys.exit(main("generated_requests_long_test", int(time.time()), REQUESTS))
