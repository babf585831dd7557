# SPDX-License-Identifier: Apache-2.0
"""What an annotation says that has a branch made anew, and when it counts for nothing."""

from __future__ import annotations

from policies.images.rebasing import asked, request, settled

HEAD, OTHER = "a" * 40, "b" * 40


def test_it_counts_for_its_pull_request_and_head_only() -> None:
    notes = request(41, HEAD)
    assert notes == {"fairway.dev/rebase-41": HEAD}
    assert asked(notes, 41, HEAD)
    assert not asked(notes, 41, OTHER)
    assert not asked(notes, 4, HEAD)
    assert not asked({"fairway.dev/rebase-41": ""}, 41, "")


def test_two_can_be_ordered_at_once() -> None:
    notes = request(41, HEAD) | request(42, OTHER)
    assert asked(notes, 41, HEAD)
    assert asked(notes, 42, OTHER)


def test_what_was_carried_out_or_counts_for_nothing_is_removed() -> None:
    notes = {**request(41, HEAD), **request(42, OTHER), "fairway.dev/other": "x"}
    assert settled(notes) == {"fairway.dev/rebase-41": None, "fairway.dev/rebase-42": None}
    assert settled(notes, {42: OTHER}) == {"fairway.dev/rebase-41": None}
    # Somebody has pushed since: it is no order for that.
    assert settled(notes, {42: HEAD, 41: HEAD}) == {"fairway.dev/rebase-42": None}
    assert settled({}) == {}
