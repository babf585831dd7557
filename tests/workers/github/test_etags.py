# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

from workers.github.calls import Answer
from workers.github.etags import Etags


def noise(size: int) -> str:
    """Return text that does not pack well."""
    return random.Random(size).randbytes(size // 2).hex()


def test_an_answer_is_kept_for_who_got_it() -> None:
    etags = Etags()
    etags.keep("alice", "/pulls", "one", Answer([{"title": "ümlaut"}], "<next>"))
    assert etags.get("alice", "/pulls") == ("one", Answer([{"title": "ümlaut"}], "<next>"))
    assert etags.get("bob", "/pulls") is None
    etags.keep("alice", "/pulls", "two", Answer([]))
    assert etags.get("alice", "/pulls") == ("two", Answer([]))


def test_what_was_not_used_for_longest_goes_when_there_is_too_much() -> None:
    etags = Etags(most=100_000)
    for number in range(3):
        etags.keep("us", f"/{number}", "tag", Answer(noise(40_000 + number)))
        assert etags.get("us", "/0")
    etags.keep("us", "/3", "tag", Answer(noise(60_000)))
    assert [bool(etags.get("us", f"/{number}")) for number in range(4)] == [True, False, True, True]
    etags.keep("us", "/0", "tag", Answer("short"))
    etags.keep("us", "/4", "tag", Answer(noise(20_000)))
    assert etags.get("us", "/2"), "what was replaced counts no longer"


def test_one_that_is_too_large_alone_is_kept_until_the_next_comes() -> None:
    etags = Etags(most=1000)
    etags.keep("us", "/large", "tag", Answer(noise(10_000)))
    assert etags.get("us", "/large")
    etags.keep("us", "/small", "tag", Answer("x"))
    assert etags.get("us", "/large") is None
    assert etags.get("us", "/small")
