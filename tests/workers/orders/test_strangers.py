# SPDX-License-Identifier: Apache-2.0
"""A repository that is not bound, or whose account is not served: whatever the key, it gets nothing."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from policies.github.comments import digest
from policies.objects import ObjectRef
from tests.workers.orders.conftest import MakeScene, config
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_rollback import green, rolled_back
from tests.workers.orders.test_tenants import belongings
from workers import heads, untold
from workers.heads import Head
from workers.process import WORK

# Keys of objects in the cluster, and of the App itself.
NOT_OF_A_REPOSITORY = {
    "GitRepository",
    "Kustomization",
    "Followers",
    "LostDeliveries",
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "Receiver",
}


def keys(scene: Scene, rollback: int, comment: int, sha: str) -> list[tuple[str, str]]:
    """Return a key of each kind, and of each shape, with something to do."""
    name, number = scene.repo.name, scene.number
    return [
        ("Repository", name),
        ("Report", name),
        ("PullRequest", f"{name}:{number}"),
        ("MergeGroup", f"{name}:{scene.forge.refs(scene.repo)['refs/heads/main']}"),
        *(("ChecksAgain", f"{name}:{what}:{sha}:1") for what in ("report", "file", "both")),
        ("Sweep", name),
        ("Sweep", f"{name}:merges"),
        ("Conversations", name),
        ("Comment", f"{name}:{number}:comment:{comment}:{digest('/lock prod')}"),
        ("Merge", f"{name}:{rollback}"),
    ]


def asked(scene: Scene) -> int:
    """Return how many requests of this hour the installation has used."""
    assert scene.context.github is not None
    token = scene.context.github.token_for(scene.repo.owner, scene.repo.name).value
    headers = {"Authorization": f"token {token}"}
    url = f"{scene.forge.api_url}/rate_limit"
    return int(urllib3.request("GET", url, headers=headers).json()["rate"]["used"])


def written(scene: Scene, comment: int, sha: str) -> dict[str, Any]:
    """Return all that could be written for a repository."""
    base = f"/repos/{scene.repo.full_name}"
    with scene.context.queue.take() as queued:
        return {
            **belongings(scene),
            "queued": queued,
            "reactions": scene.forge.reactions(scene.repo, comment),
            "statuses": scene.forge.statuses(scene.repo, sha),
            "checks": scene.forge._as("alice", "GET", f"{base}/commits/{sha}/check-runs")["total_count"],
            "deployments": scene.forge._as("alice", "GET", f"{base}/deployments"),
        }


@pytest.mark.parametrize("how", ["not bound", "not served", "bound"])
def test_nothing_is_done_for_a_stranger(make_scene: MakeScene, how: str) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    rollback = rolled_back(scene)
    green(scene, rollback)
    scene.number = scene.opened({"prod/c.yaml": config("c"), ".fairway.yaml": "version: 1\n"}, "more")
    comment, sha = scene.say("/lock prod"), scene.forge.refs(scene.repo)["refs/heads/more"]
    if how == "not bound":
        binding = f"{scene.repo.owner}-{scene.namespace}"
        scene.client.delete(ObjectRef("fairway.dev", "v1alpha1", "RepositoryBinding", "", binding))
    if how == "not served":
        scene.configure(github_accounts=("somebody-else",))
    found, tried = {}, keys(scene, rollback, comment, sha)
    assert {kind for kind, _ in tried} == WORK.keys() - NOT_OF_A_REPOSITORY
    for kind, name in tried:
        scene.context.redis.flushall()
        scene.reconnect()
        head = Head(sha, "refs/heads/main", 0.0)
        heads.add(scene.context.redis, scene.repo.full_name, head, private=True)
        untold.add(scene.context.redis, scene.repo.full_name, head)
        before, used = written(scene, comment, sha), asked(scene)
        WORK[kind](scene.context)(scene.repo.owner, name)
        found[kind, name] = (asked(scene) - used, written(scene, comment, sha) == before)
    if how == "bound":
        # So there was something to be done in each case.
        assert {key: one for key, one in found.items() if one[0] <= 1} == {}
        assert sum(not unchanged for _, unchanged in found.values()) >= 5
    else:
        # At most its id is looked up, by which it would be bound.
        assert {key: one for key, one in found.items() if one[0] > 1 or not one[1]} == {}
