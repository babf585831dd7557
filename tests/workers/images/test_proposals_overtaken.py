# SPDX-License-Identifier: Apache-2.0
"""Somebody is at a pull request while a run renders what it would do to it: what they did stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workers.images.conftest import Fleet, ready
from tests.workers.images.proposals import Bumps
from workers.images.acting import Actor
from workers.images.describing import Describer
from workers.images.proposing import Proposer
from workers.reconcile.status import Superseded


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str, Callable[[], Any]], None]:
    """Have something done each time before a method is called, the first time only."""

    def do(cls: type, name: str, act: Callable[[], Any]) -> None:
        original, done = getattr(cls, name), []

        def called(*args: Any, **kwargs: Any) -> Any:
            if not done:
                done.append(True)
                act()
            return original(*args, **kwargs)

        monkeypatch.setattr(cls, name, called)

    return do


During = Callable[[type, str, Callable[[], Any]], None]


@pytest.mark.parametrize("how", ["closed", "merged"])
def test_one_that_is_over_is_not_renewed(fleet: Fleet, during: During, how: str) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    before, repo = bumps.pull(), fleet.repo
    bumps.released("1.2.0")
    act = fleet.forge.close if how == "closed" else fleet.forge.merge
    during(Describer, "texts", lambda: act(repo, before["number"]))
    assert ready(bumps.run())[0] == "True"
    after = fleet.forge.pull_request(repo, before["number"])
    assert bumps.pulls() == []
    assert (after["title"], after["body"]) == (before["title"], before["body"])
    assert fleet.head(bumps.branch) == before["head"]["sha"]
    bumps.run()
    assert (bumps.tags(), bumps.number > before["number"]) == (["1.2.0"], True)


def test_one_that_somebody_pushes_to_is_not_renewed(fleet: Fleet, during: During) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    bumps.released("1.2.0")
    during(
        Describer, "texts", lambda: fleet.forge.commit(fleet.repo, {"x": "y"}, "Mine", branch=bumps.branch)
    )
    bumps.run()
    assert (bumps.tags(), fleet.commit(fleet.head(bumps.branch))["commit"]["message"]) == (["1.1.0"], "Mine")


@pytest.mark.parametrize("how", ["pushed", "merged"])
def test_one_that_somebody_is_at_is_not_closed(fleet: Fleet, during: During, how: str) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    before, repo = bumps.pull(), fleet.repo
    fleet.forge.commit(repo, {"web.yaml": fleet.manifest("1.1.0")}, "By hand")

    def act() -> None:
        if how == "pushed":
            fleet.forge.commit(repo, {"x": "y"}, "Mine", branch=bumps.branch)
        else:
            fleet.forge.merge(repo, before["number"])

    during(Actor, "close", act)
    bumps.run()
    after = fleet.forge.pull_request(repo, before["number"])
    assert (after["body"], bumps.said(before["number"])) == (before["body"], [])
    assert fleet.head(bumps.branch)
    if how == "pushed":
        assert fleet.commit(fleet.head(bumps.branch))["commit"]["message"] == "Mine"


def test_a_branch_and_its_text_change_together(fleet: Fleet, during: During) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    head, seen = fleet.head(bumps.branch), []
    bumps.released("1.2.0")
    during(Describer, "texts", lambda: seen.append(fleet.head(bumps.branch)))
    bumps.run()
    assert (seen, fleet.read(bumps.branch)) == ([head], fleet.manifest("1.2.0"))
    assert bumps.tags() == ["1.2.0"]


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_one_that_is_merged_between_the_base_and_the_list_is_not_opened_again(
    fleet: Fleet, during: During, method: str
) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    during(Proposer, "propose", lambda: fleet.forge.merge(fleet.repo, number, method=method))
    for _ in range(2):
        bumps.run()
    assert [one["number"] for one in bumps.pulls("all")] == [number]
    # Whoever takes it back by hand has it proposed again.
    fleet.forge.commit(fleet.repo, {"web.yaml": fleet.manifest("1.0.0")}, "Back")
    bumps.run()
    assert bumps.number > number


def test_one_that_is_opened_and_closed_meanwhile_is_not_opened_again(fleet: Fleet, during: During) -> None:
    bumps, numbers = Bumps.of(fleet), []

    def act() -> None:
        bumps.run()
        numbers.append(bumps.number)
        fleet.forge.close(fleet.repo, bumps.number)

    during(Describer, "texts", act)
    with pytest.raises(Superseded):
        bumps.run()
    assert "its version was declined" in bumps.message()
    assert [one["number"] for one in bumps.pulls("all")] == numbers
