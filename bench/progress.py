# SPDX-License-Identifier: Apache-2.0
"""Say on standard error what is being measured: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from toolchain.progress import Step, shown, standard


def say(text: str) -> None:
    """Say a sentence that stays to be read."""
    standard().say(text)


@contextmanager
def task(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show one measurement while the block runs.

    Yields what takes the news: what is being done, how many are done, and of how many.
    """
    display, began = standard(), time.monotonic()

    def show(doing: str, done: int, total: int) -> None:
        display.show(Step(name, doing, done, total, time.monotonic() - began))

    with shown(display, name):
        yield show
