# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.workers.github.conftest import Place
from workers.github import Change, Conflict, Invalid, Method, NotFound, PullRequest, ServerError


def ours(place: Place, **more: Any) -> PullRequest:
    said = {"head": "fairway/rollback", "base": "main", "title": "Roll back", "body": "because"} | more
    return place.github.pulls.ensure(place.name, **said)


def pushed(place: Place, branch: str = "fairway/rollback") -> str:
    change = Change("a.txt", b"zero\n")
    return place.github.git_data.commit(
        place.name, branch, parent=place.head, changes=[change], message="Roll back"
    )


def test_a_pull_request_is_shown_as_it_is(able: Place) -> None:
    number = able.pull()
    found = able.github.pulls.get(able.name, number)
    assert (found.title, found.author, found.open, found.draft) == ("Pull topic", "alice", True, False)
    assert (found.head_ref, found.base_ref, found.base_sha) == ("topic", "main", able.head)
    assert found.from_fork is False
    assert found.merged_at is None
    assert able.github.pulls.changed_files(able.name, number) == ["b.txt"]
    with pytest.raises(NotFound):
        able.github.pulls.get(able.name, number + 1)


def test_one_from_a_fork_says_so(able: Place) -> None:
    able.forge.allow(able.repo, "mallory", "read")
    fork = able.forge.fork(able.repo, "mallory")
    able.forge.commit(fork, {"b.txt": "b\n"}, "b", branch="theirs", author="mallory")
    shown = able.forge.open_pull_request(able.repo, "mallory:theirs", "Theirs", author="mallory")
    assert able.github.pulls.get(able.name, shown["number"]).from_fork is True


def test_they_are_found_by_change_and_by_commit(able: Place) -> None:
    one, two = able.pull("one"), able.pull("two", "c.txt")
    pulls = able.github.pulls
    hour, ahead = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
    assert {pull.number for pull in pulls.updated(able.name, hour)} == {one, two}
    assert pulls.updated(able.name, ahead) == []
    assert [pull.number for pull in pulls.open(able.name)] == [one, two]
    sha = pulls.get(able.name, one).head_sha
    assert [pull.number for pull in pulls.of_commit(able.name, sha)] == [one]
    merged = able.forge.merge(able.repo, one)
    (found,) = pulls.of_commit(able.name, merged)
    assert (found.number, found.merge_sha, found.open) == (one, merged, False)
    assert [pull.number for pull in pulls.open(able.name)] == [two]
    assert pulls.of_commit(able.name, able.head) == []


def test_reviews_are_read(able: Place) -> None:
    number = able.pull()
    able.forge.allow(able.repo, "bob", "write")
    able.forge.review(able.repo, number, "APPROVE", body="/status")
    (review,) = able.github.pulls.reviews(able.name, number)
    assert (review.state, review.author, review.body) == ("APPROVED", "bob", "/status")
    assert able.github.pulls.review(able.name, number, review.id) == review


def test_a_pull_request_is_opened_once_and_edited(able: Place) -> None:
    pushed(able)
    first = ours(able)
    assert (first.author, first.body) == (able.bot, "because")
    assert ours(able).number == first.number
    changed = ours(able, title="Roll back web")
    assert (changed.number, changed.title) == (first.number, "Roll back web")


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_502_around_opening_it(able: Place, after: bool) -> None:
    pushed(able)
    if after:
        able.forge.fail_after("POST", "/repos/.*/pulls")
        assert ours(able).title == "Roll back"
    else:
        able.forge.fail_before("POST", "/repos/.*/pulls")
        with pytest.raises(ServerError):
            ours(able)
    assert len(able.github.pulls.open(able.name)) == after


def test_what_github_refuses_to_open_is_invalid(able: Place) -> None:
    with pytest.raises(Invalid):
        ours(able, head="nowhere")


@pytest.mark.parametrize("method", list(Method))
def test_it_is_merged_at_the_head_that_was_meant(able: Place, method: Method) -> None:
    number = able.pull()
    sha = able.github.pulls.get(able.name, number).head_sha
    with pytest.raises(Conflict, match="Head branch was modified"):
        able.github.pulls.merge(able.name, number, able.head, method=method)
    merged = able.github.pulls.merge(able.name, number, sha, method=method, title="Merge it", message="x")
    assert able.forge.refs(able.repo)["refs/heads/main"] == merged
    assert able.github.pulls.merge(able.name, number, sha, method=method) == merged


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_502_around_the_merge(able: Place, after: bool) -> None:
    number = able.pull()
    sha = able.github.pulls.get(able.name, number).head_sha
    if after:
        able.forge.fail_after("PUT", r"/repos/.*/pulls/\d+/merge")
        merged = able.github.pulls.merge(able.name, number, sha)
        assert able.forge.refs(able.repo)["refs/heads/main"] == merged
    else:
        able.forge.fail_before("PUT", r"/repos/.*/pulls/\d+/merge")
        with pytest.raises(ServerError):
            able.github.pulls.merge(able.name, number, sha)


def test_what_the_base_asks_for_is_the_reason(able: Place) -> None:
    number = able.pull()
    able.forge.protect(able.repo, checks={"ci": None})
    sha = able.github.pulls.get(able.name, number).head_sha
    with pytest.raises(Conflict, match='Required status check "ci" is expected') as raised:
        able.github.pulls.merge(able.name, number, sha)
    assert not raised.value.retryable


def test_only_what_github_made_for_our_app_counts_as_ours(able: Place) -> None:
    made = able.github.git_data.commit(
        able.name, "topic", parent=able.head, changes=[Change("b.txt", b"b")], message="by us"
    )
    by_alice = able.forge.commit(able.repo, {"c.txt": "c"}, "by alice", branch="topic")
    # Whoever may push can name our bot as the author, and sign with a key of his own.
    named = able.forge.commit(able.repo, {"d.txt": "d"}, "by us?", branch="topic", author=able.bot)
    signed = able.forge.commit(
        able.repo, {"e.txt": "e"}, "by us?", branch="topic", author=able.bot, signer="mallory"
    )
    number = ours(able, head="topic").number
    found = {one.sha: one.ours for one in able.github.pulls.commits(able.name, number)}
    assert found == {made: True, by_alice: False, named: False, signed: False}
