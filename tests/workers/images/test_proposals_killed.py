# SPDX-License-Identifier: Apache-2.0
"""A worker is killed while it opens, renews, closes or leaves: the next run finishes it, nothing is twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.images.conftest import Fleet
from tests.workers.images.proposals import Bumps
from tests.workers.reconcile.killed import kill
from workers.workqueue import Key


def killed(fleet: Fleet, tmp_path: Path, method: str) -> None:
    ref = fleet.images.automation()
    key = Key("ImageUpdateAutomation", ref.namespace, ref.name)
    kill(fleet.images.context, tmp_path / "app.pem", method, 1, key)


@pytest.mark.parametrize("point", ["commit", "open"])
def test_one_is_opened(fleet: Fleet, tmp_path: Path, point: str) -> None:
    bumps = Bumps.of(fleet)
    killed(fleet, tmp_path, point)
    head = fleet.head(bumps.branch)
    assert head
    bumps.run()
    assert (len(bumps.pulls("all")), bumps.tags()) == (1, ["1.1.0"])
    assert bumps.pull()["head"]["sha"] == head, "what was made is used"


@pytest.mark.parametrize("point", ["commit", "rewrite"])
def test_one_is_renewed(fleet: Fleet, tmp_path: Path, point: str) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    bumps.released("1.2.0")
    killed(fleet, tmp_path, point)
    bumps.run()
    assert (len(bumps.pulls("all")), bumps.tags(), len(bumps.commits())) == (1, ["1.2.0"], 1)
    assert bumps.pull()["title"].endswith("1.2.0")


@pytest.mark.parametrize("point", ["comment", "rewrite", "delete branch", "close"])
def test_one_is_closed(fleet: Fleet, tmp_path: Path, point: str) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    number = bumps.number
    fleet.forge.commit(fleet.repo, {"web.yaml": fleet.manifest("1.1.0")}, "By hand")
    killed(fleet, tmp_path, point)
    bumps.run()
    assert (bumps.pulls(), fleet.head(bumps.branch), len(bumps.said(number))) == ([], "", 1)
    fleet.forge.commit(fleet.repo, {"web.yaml": fleet.manifest("1.0.0")}, "And back")
    bumps.run()
    assert bumps.tags() == ["1.1.0"], "it was not declined"


@pytest.mark.parametrize("point", ["comment", "label"])
def test_one_is_left(fleet: Fleet, tmp_path: Path, point: str) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    theirs = fleet.forge.commit(fleet.repo, {"README": "mine"}, "Mine too", branch=bumps.branch)
    killed(fleet, tmp_path, point)
    bumps.run()
    pull = bumps.pull()
    assert (pull["head"]["sha"], len(pull["labels"]), len(bumps.said(pull["number"]))) == (theirs, 1, 1)
