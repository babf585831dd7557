# SPDX-License-Identifier: Apache-2.0
"""Import large packages when they are first needed, one thread at a time.

Where packages import each other in circles, Python hands one of two threads that come at once half a module.
"""

from __future__ import annotations

import importlib
import threading

_lock = threading.RLock()


def load(*names: str) -> None:
    """Import these modules, unless they are there; returns when they are whole."""
    with _lock:
        for name in names:
            importlib.import_module(name)
