# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.github.conftest import MakePlace, Place
from workers.github import CommitStatus, Invalid, NotFound, PermissionMissing, State, statuses
from workers.github.statuses import shortened

PENDING = CommitStatus(State.PENDING, "fairway/demo", "Applied a1b2c3d", "https://fairway.example/c")


def test_a_status_is_written_once(place: Place) -> None:
    assert place.github.statuses.ensure(place.name, place.head, PENDING) is True
    assert place.github.statuses.ensure(place.name, place.head, PENDING) is False
    (shown,) = place.forge.statuses(place.repo, place.head)
    assert (shown["state"], shown["context"]) == ("pending", "fairway/demo")
    assert (shown["description"], shown["target_url"]) == ("Applied a1b2c3d", "https://fairway.example/c")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            CommitStatus(State.SUCCESS, "fairway/demo", PENDING.description, PENDING.target_url), id="state"
        ),
        pytest.param(
            CommitStatus(State.PENDING, "fairway/demo", "else", PENDING.target_url), id="description"
        ),
        pytest.param(CommitStatus(State.PENDING, "fairway/demo", PENDING.description), id="target"),
        pytest.param(
            CommitStatus(State.PENDING, "fairway/other", PENDING.description, PENDING.target_url),
            id="context",
        ),
    ],
)
def test_whatever_differs_is_written(place: Place, changed: CommitStatus) -> None:
    place.github.statuses.ensure(place.name, place.head, PENDING)
    assert place.github.statuses.ensure(place.name, place.head, changed) is True
    assert len(place.forge.statuses(place.repo, place.head)) == 2


def test_an_earlier_status_is_written_again_when_it_is_true_again(place: Place) -> None:
    success = CommitStatus(State.SUCCESS, "fairway/demo", "healthy")
    for status in (PENDING, success, PENDING):
        assert place.github.statuses.ensure(place.name, place.head, status)
    states = [shown["state"] for shown in place.forge.statuses(place.repo, place.head)]
    assert states == ["pending", "success", "pending"]


def test_a_context_is_found_among_more_than_a_page_of_them(place: Place) -> None:
    place.github.statuses.ensure(place.name, place.head, PENDING)
    for number in range(100):
        body = {"state": "success", "context": f"ci/{number}"}
        place.github.call("POST", place.name, f"/statuses/{place.head}", "write", body)
    assert place.github.statuses.ensure(place.name, place.head, PENDING) is False
    assert place.github.statuses.latest(place.name, place.head, "FAIRWAY/demo") is not None
    assert place.github.statuses.latest(place.name, place.head, "none") is None


def forged(place: Place, state: str, **more: str) -> None:
    """Have somebody who may write to the repository speak in our context."""
    place.forge.allow(place.repo, "mallory", "write")
    body = {"state": state, "context": "FAIRWAY/demo", "description": "all is well", **more}
    place.forge._as("mallory", "POST", f"/repos/{place.name}/statuses/{place.head}", body)


def test_what_somebody_else_writes_in_our_context_is_no_word_of_ours(place: Place) -> None:
    forged(place, "success")
    assert place.github.statuses.latest(place.name, place.head, "fairway/demo") is None
    place.github.statuses.ensure(place.name, place.head, PENDING)
    forged(place, "failure")
    found = place.github.statuses.latest(place.name, place.head, "fairway/demo")
    assert found
    assert found["state"] == "pending"
    assert [one["state"] for one in place.forge.statuses(place.repo, place.head)] == [
        "success",
        "pending",
        "failure",
    ]


def test_what_somebody_wrote_over_ours_is_written_over_again(place: Place) -> None:
    place.github.statuses.ensure(place.name, place.head, PENDING)
    forged(place, "pending", description=PENDING.description, target_url=PENDING.target_url)
    assert place.github.statuses.ensure(place.name, place.head, PENDING) is True
    assert place.github.statuses.ensure(place.name, place.head, PENDING) is False


def test_a_look_and_a_write_are_a_request_each(place: Place) -> None:
    place.github.statuses.ensure(place.name, place.head, PENDING)
    for act, requests in (
        (lambda: place.github.statuses.latest(place.name, place.head, "fairway/demo"), 1),
        (lambda: place.github.statuses.ensure(place.name, place.head, PENDING), 1),
        (
            lambda: place.github.statuses.ensure(
                place.name, place.head, CommitStatus(State.SUCCESS, "fairway/demo")
            ),
            2,
        ),
    ):
        before = place.used()
        act()
        assert place.used() - before == requests


def test_very_many_statuses_of_others_are_looked_at_up_to_a_bound(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses, "_MOST_LOOKED_AT", 100)
    place.github.statuses.ensure(place.name, place.head, PENDING)
    for _ in range(99):
        forged(place, "success", context="ci")
    assert place.github.statuses.latest(place.name, place.head, "fairway/demo")
    forged(place, "success", context="ci")
    before = place.used()
    assert place.github.statuses.latest(place.name, place.head, "fairway/demo") is None
    assert place.used() - before == 1


def test_a_commit_that_is_not_there_is_invalid(place: Place) -> None:
    with pytest.raises(Invalid, match="No commit found for SHA") as raised:
        place.github.statuses.ensure(place.name, "0" * 40, PENDING)
    assert not raised.value.retryable


def test_a_repository_without_the_app_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.github.statuses.ensure("nobody/nothing", place.head, PENDING)


def test_an_app_that_may_not_write_statuses_hears_which_permission_it_lacks(make_place: MakePlace) -> None:
    place = make_place(permissions={"contents": "read", "statuses": "read"})
    with pytest.raises(PermissionMissing, match="statuses: write"):
        place.github.statuses.ensure(place.name, place.head, PENDING)


def test_a_state_that_github_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="done"):
        CommitStatus("done", "c")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("x" * 140, "x" * 140),
        ("x" * 141, "x" * 139 + "…"),
        ("word " * 40, "word " * 27 + "word…"),
        ("two\n  lines\tof text", "two lines of text"),
        ("ü" * 200, "ü" * 139 + "…"),
    ],
    ids=["empty", "140", "141", "no blank before the ellipsis", "one line", "characters, not bytes"],
)
def test_a_description_is_one_line_of_140_characters(text: str, short: str) -> None:
    assert shortened(text) == short


@given(st.text(max_size=400))
def test_a_shortened_text_fits_and_stays_as_it_is(text: str) -> None:
    short = shortened(text)
    assert len(short) <= 140
    assert shortened(short) == short


def test_the_forge_takes_what_was_cut(place: Place) -> None:
    place.github.statuses.ensure(place.name, place.head, CommitStatus(State.FAILURE, "c", "é…" * 100))
    (shown,) = place.forge.statuses(place.repo, place.head)
    assert len(shown["description"]) == 140
