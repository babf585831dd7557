# SPDX-License-Identifier: Apache-2.0
"""Each repository has its turn once in a round, and none all at once."""

from __future__ import annotations

from collections import Counter

from workers.watch.sweeps import DELIVERIES, Sweeps
from workers.workqueue import Key

KINDS = ("Conversations", "Sweep")
MANY = [("acme", f"r-{n}") for n in range(60)]


def test_repositories_take_their_turns_evenly_over_a_round() -> None:
    sweeps = Sweeps(every=60)
    seconds = [[one.key for one in sweeps.due(MANY, now)] for now in range(180)]
    counts = Counter(key for keys in seconds for key in keys)
    assert set(counts) == {DELIVERIES, *(Key(kind, *one) for one in MANY for kind in KINDS)}
    assert set(counts.values()) <= {2, 3}
    assert max(map(len, seconds)) < 15


def test_what_is_gone_is_swept_no_more_and_comes_back_in_time() -> None:
    sweeps = Sweeps(every=10)
    keys = {Key(kind, "acme", "fleet") for kind in KINDS}
    sweeps.due([("acme", "fleet")], 0)
    sweeps.due([], 1)
    assert [one.key for one in sweeps.due([], 100)] == [DELIVERIES]
    found = {one.key for now in range(100, 111) for one in sweeps.due([("acme", "fleet")], now)}
    assert found == {DELIVERIES, *keys}
