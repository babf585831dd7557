# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.workers.github.conftest import Place
from workers.github import NotFound, Reaction


def shown(place: Place, comment: int) -> list[tuple[str, str]]:
    listed = place.github.call(
        "GET", place.name, f"/issues/comments/{comment}/reactions", "look",
        permissions={"metadata": "read", "pull_requests": "write"},
    )  # fmt: skip
    return [(one["user"]["login"], one["content"]) for one in listed]


def commented(place: Place) -> int:
    return int(place.forge.comment(place.repo, place.pull(), "/help")["id"])


def test_a_reaction_is_there_once_however_often_it_is_added(able: Place) -> None:
    comment = commented(able)
    for _ in range(2):
        able.github.reactions.add(able.name, comment, Reaction.EYES)
    assert shown(able, comment) == [(able.bot, "eyes")]


def test_the_end_takes_the_place_of_the_beginning_and_nobody_elses(able: Place) -> None:
    comment = commented(able)
    able.forge.react(able.repo, comment, "eyes", author="alice")
    able.github.reactions.add(able.name, comment, Reaction.EYES)
    able.github.reactions.replace(able.name, comment, Reaction.ROCKET)
    assert set(able.github.reactions.ours(able.name, comment)) == {Reaction.ROCKET}
    assert sorted(shown(able, comment)) == sorted([("alice", "eyes"), (able.bot, "rocket")])
    able.github.reactions.replace(able.name, comment, Reaction.ROCKET)
    assert len(shown(able, comment)) == 2


def test_a_502_after_the_reaction_is_repeated_without_harm(able: Place) -> None:
    comment = commented(able)
    able.forge.fail_after("POST", ".*/reactions")
    with pytest.raises(Exception, match="502"):
        able.github.reactions.add(able.name, comment, Reaction.EYES)
    able.github.reactions.add(able.name, comment, Reaction.EYES)
    assert shown(able, comment) == [(able.bot, "eyes")]


def test_a_deleted_comment_is_not_found(able: Place) -> None:
    comment = commented(able)
    able.forge.delete_comment(able.repo, comment)
    with pytest.raises(NotFound):
        able.github.reactions.add(able.name, comment, Reaction.EYES)
