#!/usr/bin/python3
"""Stories in front of real browsers, on the pages that a deployment serves: web/stories, run by vitest with playwright-core
and Debian's chromium. Started by tests/run, which names the deployment in the environment.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from web_tests import run_vitest  # noqa: E402 (needs the path above)

sys.exit(run_vitest("web_stories_test", "stories/short"))
