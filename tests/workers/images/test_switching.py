# SPDX-License-Identifier: Apache-2.0
"""An automation that proposes, and pushes from then on: only when somebody says so, and then at once."""

from __future__ import annotations

import pytest

from policies import conditions
from policies.images.switch import PROPOSING
from policies.objects import ObjectRef
from tests.workers.images.conftest import Fleet, ready
from tests.workers.images.proposals import Bumps

FILE = "pullRequests: {images: {}}\n"


@pytest.mark.parametrize("lost", ["binding", "installation", "account"])
def test_nothing_is_pushed_when_the_file_is_out_of_sight(fleet: Fleet, lost: str) -> None:
    bumps = Bumps.of(fleet, write="merge", word="", file=FILE)
    bumps.run()
    before, settings = fleet.head(), fleet.images.context.settings
    if lost == "binding":
        namespace = fleet.images.namespace
        fleet.images.client.delete(ObjectRef("fairway.dev", "v1alpha1", "RepositoryBinding", "", namespace))
    elif lost == "installation":
        fleet.forge.uninstall(fleet.installation)
    else:
        object.__setattr__(settings, "github_accounts", frozenset({"somebody"}))
    fleet.images.context.redis.flushall()
    bumps.released("1.2.0")
    status, reason, message = ready(bumps.run())
    assert (status, reason, fleet.head()) == ("False", "SourceManagerFailed", before)
    assert "images were proposed in pull requests so far" in message
    assert "fairway.dev/pull-request: disabled" in message


def test_whoever_says_so_has_them_pushed_at_once(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet, write="merge")
    obj = bumps.run()
    assert conditions.is_true(conditions.of(obj), PROPOSING)
    bumps.annotate("disabled")
    obj = bumps.run()
    assert fleet.read() == fleet.manifest("1.1.0")
    assert ready(obj) == ("True", "Succeeded", "repository up-to-date")
    assert conditions.find(conditions.of(obj), PROPOSING) is None


def test_a_file_that_asks_for_it_no_more_is_enough(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet, write="merge", word="", file=FILE)
    bumps.run()
    fleet.forge.commit(fleet.repo, {".fairway.yaml": "version: 1\n"}, "Push")
    bumps.run()
    assert fleet.read() == fleet.manifest("1.1.0")
