# SPDX-License-Identifier: Apache-2.0
"""Work on a list side by side, with a bound on how many items are in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_lanes(pool: ThreadPoolExecutor, lanes: int, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return the results in the items' order; raises the error of the first item that has one.

    After an error nothing more is begun, and what is in flight is waited for.
    """
    results: dict[int, R] = {}
    errors: dict[int, BaseException] = {}
    waiting = iter(enumerate(items))
    lock = threading.Lock()

    def lane() -> None:
        while not errors:
            with lock:
                index, item = next(waiting, (-1, None))
            if index < 0:
                return
            try:
                results[index] = work(item)  # type: ignore[arg-type]
            except BaseException as error:
                errors[index] = error

    for future in [pool.submit(lane) for _ in range(min(lanes, len(items)))]:
        future.result()
    if errors:
        raise errors[min(errors)]
    return [results[index] for index in range(len(items))]
