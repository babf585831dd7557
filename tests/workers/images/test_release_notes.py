# SPDX-License-Identifier: Apache-2.0
"""What the makers of an image say of a version, and where that may be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from policies.images.setters import Image
from policies.images.updates import Update
from tests.workers.images.conftest import Fleet
from tests.workers.images.proposals import Bumps
from workers.images.facts import Facts
from workers.images.place import place_of
from workers.images.release_notes import releases

SAID = "Faster than before."


@pytest.mark.parametrize(
    ("private", "to_private", "tenancy", "told"),
    [
        (False, False, "strict", True),
        (True, True, "single", True),
        (True, True, "strict", False),
        (True, False, "single", False),
    ],
)
def test_releases_of_a_private_repository_are_not_told_in_public(
    fleet: Fleet, private: bool, to_private: bool, tenancy: Literal["single", "strict"], told: bool
) -> None:
    forge, images, owner = fleet.forge, fleet.images, fleet.repo.owner
    source = forge.create_repository(owner, "web", private=private, files={"README": "x"})
    to = forge.create_repository(owner, "gitops", private=to_private, files={"README": "x"})
    forge.allow(source, "alice", "write")
    release = {"tag_name": "v1.2.0", "name": "v1.2.0", "body": SAID}
    forge._as("alice", "POST", f"/repos/{source.full_name}/releases", release)
    images.registry.push(images.path, "1.2.0", source=f"{forge.url}/{source.full_name}")
    images.context.settings = replace(images.context.settings, tenancy=tenancy)
    place = place_of(images.context, images.client.get(Bumps.of(fleet).ref), fleet.repo.clone_url)
    assert place is not None
    policy = f"{images.namespace}:web"
    facts = Facts(images.context, {policy: images.client.get(images.policy())})
    update = Update(policy, Image(images.image, "1.2.0", ""), ())
    (found,) = releases(images.context, replace(place, repository=to.full_name), facts, [update])
    assert (SAID in found.text) is told
