#!/usr/bin/python3
"""The unit tests of the pages, by vitest: texts, formats, and what tabs, reloads and lost connections do."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from web_tests import run_vitest  # noqa: E402 (needs the path above)

sys.exit(run_vitest("web_texts_test", "app/src"))
