#!/usr/bin/python3
"""Every page of a deployment in front of Chromium: axe finds nothing, nothing is wider than the screen, and screenshots go to
build/web-shots. See web/stories/screens. Started by tests/run, which names the deployment in the environment.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from web_tests import run_vitest  # noqa: E402 (needs the path above)

sys.exit(run_vitest("web_screens_test", "stories/screens"))
