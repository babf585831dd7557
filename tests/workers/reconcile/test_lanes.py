# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.reconcile.lanes import in_lanes


def test_results_come_in_order_and_no_more_than_the_lanes_are_in_flight(pool: ThreadPoolExecutor) -> None:
    flying, most, lock = 0, 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        time.sleep(0.01)
        with lock:
            flying -= 1
        return item * 2

    assert in_lanes(pool, 3, work, range(20)) == [item * 2 for item in range(20)]
    assert most == 3


def test_the_first_items_error_is_raised_and_nothing_more_is_begun(pool: ThreadPoolExecutor) -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.02 if item == 0 else 0)
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        in_lanes(pool, 2, work, range(50))
    assert sorted(begun) == [0, 1]


def test_nothing_is_no_work(pool: ThreadPoolExecutor) -> None:
    assert in_lanes(pool, 4, str, []) == []
