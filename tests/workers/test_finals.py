# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from workers.finals import Finals


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    finals = Finals(most=2)
    for sha in ("a", "b", "a", "c"):
        finals.add("acme/fleet", sha)
    assert [finals.has("acme/fleet", sha) for sha in "abc"] == [True, False, True]
    assert not finals.has("acme/other", "a")
