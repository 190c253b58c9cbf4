#!/usr/bin/python3
"""An opening of a flash sale with 300 buyers for 20 units while programs are killed and stopped.

Exactly 20 units are confirmed, or fewer only because nobody is left; every 202 is decided once; places are served in
their order; `rostrumctl verify` finds no difference. sale_faults_long_test.py is the full form.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from sale_shop import Shop  # noqa: E402 (needs the path above)
from sale_trial import Opening, hung, killed, main  # noqa: E402

FAULTS = [killed("gateway-worker"), killed("saleworker-1"), killed("endworker"), killed("redis"), hung("saleworker-1")]

if __name__ == "__main__":
    main("sale_faults_test", Opening(buyers=300, units=20, faults=FAULTS, pause_s=1.5, most_s=90),
         lambda: Shop(os.environ["ROSTRUM_HTTP_URL"]))
