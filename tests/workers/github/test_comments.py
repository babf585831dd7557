# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from policies.budget import Urgency
from tests.workers.github.conftest import MakePlace, Place
from workers.github import NotFound, PermissionMissing, ServerError
from workers.github.comments import marker

ANSWER = Urgency.ANSWER


def ensure(place: Place, number: int, body: str, *, name: str = "pr", known: int | None = None) -> int:
    return place.github.comments.ensure(place.name, number, name, body, urgency=ANSWER, known=known)


def bodies(place: Place, number: int) -> list[str]:
    return [comment["body"] for comment in place.forge.comments(place.repo, number)]


def test_a_comment_is_written_once_and_edited_in_place(able: Place) -> None:
    number = able.pull()
    first = ensure(able, number, "one")
    assert ensure(able, number, "one") == first
    assert ensure(able, number, "two") == first
    assert bodies(able, number) == ["<!-- fairway:pr -->\ntwo"]
    assert ensure(able, number, "other", name="order:17") != first
    assert len(bodies(able, number)) == 2


def test_what_somebody_else_marked_is_not_ours(able: Place) -> None:
    number = able.pull()
    theirs = able.forge.comment(able.repo, number, f"{marker('pr')}\ntheirs")
    assert ensure(able, number, "ours") != theirs["id"]
    assert bodies(able, number) == [f"{marker('pr')}\ntheirs", f"{marker('pr')}\nours"]


def test_a_marker_inside_a_text_names_nothing(able: Place) -> None:
    number = able.pull()
    quoted = ensure(able, number, f"> {marker('pr')}", name="order:1")
    assert ensure(able, number, "sticky") != quoted


def test_a_502_after_the_comment_was_written_makes_no_second_one(able: Place) -> None:
    number = able.pull()
    able.forge.fail_after("POST", f"/repos/{able.name}/issues/{number}/comments")
    made = ensure(able, number, "one")
    assert ensure(able, number, "one") == made
    assert len(bodies(able, number)) == 1


def test_a_502_before_it_was_written_is_for_the_caller_to_repeat(able: Place) -> None:
    number = able.pull()
    able.forge.fail_before("POST", f"/repos/{able.name}/issues/{number}/comments")
    with pytest.raises(ServerError, match=f"comment on {able.name}#{number}.*502") as raised:
        ensure(able, number, "one")
    assert raised.value.retryable
    assert bodies(able, number) == []
    ensure(able, number, "one")
    assert len(bodies(able, number)) == 1


def test_what_is_there_twice_is_deleted(able: Place) -> None:
    number = able.pull()
    first = ensure(able, number, "one")
    body = {"body": f"{marker('pr')}\ntwice"}
    able.github.call(
        "POST", able.name, f"/issues/{number}/comments", "comment", body,
        permissions={"pull_requests": "write"},
    )  # fmt: skip
    assert ensure(able, number, "two") == first
    assert bodies(able, number) == [f"{marker('pr')}\ntwo"]


def test_ours_is_found_behind_more_than_a_page(able: Place) -> None:
    number = able.pull()
    for count in range(101):
        able.forge.comment(able.repo, number, f"{count}")
    made = ensure(able, number, "late")
    assert ensure(able, number, "later") == made
    listed = list(able.github.comments.of_pull(able.name, number))
    assert [comment.body for comment in listed if comment.ours] == [f"{marker('pr')}\nlater"]
    assert len(listed) == 102


def test_a_known_comment_needs_no_list_and_a_deleted_one_is_written_anew(able: Place) -> None:
    number = able.pull()
    first = ensure(able, number, "one")
    before = able.used()
    assert ensure(able, number, "two", known=first) == first
    assert able.used() - before == 2  # the comment was read and edited
    able.forge.allow(able.repo, "alice", "admin")
    able.forge.delete_comment(able.repo, first)
    assert ensure(able, number, "three", known=first) != first
    assert bodies(able, number) == [f"{marker('pr')}\nthree"]


def test_a_known_comment_stays_ours_without_its_marker(able: Place) -> None:
    number = able.pull()
    first = ensure(able, number, "one")
    able.forge.edit_comment(able.repo, first, "Nothing of it is left", author="alice")
    assert ensure(able, number, "two", known=first) == first
    assert bodies(able, number) == [f"{marker('pr')}\ntwo"]


def test_asking_again_for_what_did_not_change_is_free(able: Place) -> None:
    number = able.pull()
    ensure(able, number, "one")
    list(able.github.comments.of_pull(able.name, number))
    before = able.used()
    for _ in range(3):
        (comment,) = able.github.comments.of_pull(able.name, number)
        assert comment.body.endswith("one")
    assert able.used() == before
    able.forge.comment(able.repo, number, "news")
    assert len(list(able.github.comments.of_pull(able.name, number))) == 2


def test_a_comment_is_read_again_as_it_is(able: Place) -> None:
    number = able.pull()
    written = able.forge.comment(able.repo, number, "/help")
    found = able.github.comments.get(able.name, written["id"])
    assert (found.body, found.author, found.ours, found.author_is_bot) == ("/help", "alice", False, False)
    assert found.author_id == written["user"]["id"]
    able.forge.edit_comment(able.repo, written["id"], "/rollback prod")
    assert able.github.comments.get(able.name, written["id"]).body == "/rollback prod"
    able.forge.delete_comment(able.repo, written["id"])
    with pytest.raises(NotFound):
        able.github.comments.get(able.name, written["id"])
    able.github.comments.remove(able.name, written["id"])


def test_only_what_changed_since_is_listed(able: Place) -> None:
    number = able.pull()
    ensure(able, number, "one")
    ahead = datetime.now(UTC) + timedelta(minutes=1)
    assert list(able.github.comments.of_pull(able.name, number, since=ahead)) == []
    assert len(list(able.github.comments.of_pull(able.name, number, since=ahead - timedelta(hours=1)))) == 1


def test_an_app_that_may_not_comment_hears_which_permission_it_lacks(make_place: MakePlace) -> None:
    place = make_place(permissions={"contents": "read"})
    with pytest.raises(PermissionMissing, match="pull_requests: write"):
        ensure(place, place.pull(), "one")


@pytest.mark.parametrize("name", ["", "A", "a b", "a-->", "a--b", "<a>", "-a"])
def test_a_name_that_could_end_the_marker_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        marker(name)
