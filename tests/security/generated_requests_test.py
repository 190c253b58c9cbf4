#!/usr/bin/python3
"""2,000 generated requests as guest, user, seller and admin: none causes a 500, an undescribed answer or status.

The seed is always the same, so the test fails or passes by the code alone. generated_requests_long_test.py sends more,
with another seed. tests/support/generated_requests.py says what counts as a fault.

Runs alone: it creates webhooks of the deployment and bans users.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from generated_requests import main  # noqa: E402 (needs the path above)

SEED = 1
REQUESTS = 2000

if __name__ == "__main__":
    sys.exit(main("generated_requests_test", SEED, REQUESTS))
