#!/usr/bin/python3
"""Stories in front of browsers while the deployment has faults: web/stories/long.

Runs alone: it kills gateway workers and restarts Redis.
Long: servers restart.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from web_tests import run_vitest  # noqa: E402 (needs the path above)

sys.exit(run_vitest("web_faults_long_test", "stories/long"))
