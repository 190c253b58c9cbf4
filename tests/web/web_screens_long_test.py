#!/usr/bin/python3
"""As web_screens_test, in all of its views.

Long: it opens each page four times.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from web_tests import run_vitest  # noqa: E402 (needs the path above)

sys.exit(run_vitest("web_screens_long_test", "stories/screens", {"ROSTRUM_TEST_LONG": "1"}))
