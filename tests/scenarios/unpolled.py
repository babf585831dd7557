# SPDX-License-Identifier: Apache-2.0
"""A `watch` that looks at no wait only because time has passed, so that what ends one is what it saw.

`python -m tests.scenarios.unpolled`, with the environment of a `watch`: a child process.
"""

from __future__ import annotations

import logging

from workers.watch import planning
from workers.watch.main import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    planning._CONCLUDE_RECHECK = 3600.0
    main()
