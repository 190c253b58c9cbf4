#!/usr/bin/python3
"""The client library of web/client against a deployment, under Node: REST, live updates, fallbacks, and a duel of bids in
which gateway workers are killed and Redis restarts.

The tests are those of web/client/test/deployment, run by vitest; this program adds an admin and counts the results.
`make deps-web` installs vitest. Started by tests/run, which names the deployment in the environment.

Runs alone: it kills gateway workers and restarts Redis.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_shop import Shop  # noqa: E402 (needs the path above)
from web_tests import run_vitest  # noqa: E402

shop = Shop(os.environ["ROSTRUM_HTTP_URL"])
sys.exit(run_vitest("web_client_test", "client/test/deployment", {"ROSTRUM_TEST_ADMIN_TOKEN": shop.admin.token}))
