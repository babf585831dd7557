# SPDX-License-Identifier: Apache-2.0
"""Pull requests for images that are merged by a rule of the repository, and those that people merge."""

from __future__ import annotations

import pytest

from policies.images.declined import NAME
from policies.ledger import Built
from policies.objects import ObjectRef
from policies.orders.names import lock_name
from tests.workers.images.conftest import Fleet
from tests.workers.images.proposals import Bumps
from workers.orders.records import Records

RULE = "pullRequests: {images: {autoMerge: [minor, patch]}}\n"


def proposed(fleet: Fleet, *, write: str = "merge", file: str = RULE, check: bool = True) -> Bumps:
    bumps = Bumps.of(fleet, write=write, file=file)
    if check:
        fleet.forge.protect(fleet.repo, checks={"ci": None})
    bumps.run()
    return bumps


def test_what_a_rule_covers_is_merged_once_its_check_has_passed(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    number = bumps.number
    assert "Fairway merges it, a minor update" in bumps.pull()["body"]
    assert not bumps.settle(number)
    bumps.green()
    assert bumps.settle(number)
    assert fleet.read() == fleet.manifest("1.1.0")
    bumps.run()
    assert bumps.pulls() == []


@pytest.mark.parametrize(
    ("write", "file", "check", "said"),
    [
        ("merge", RULE, False, "its base requires no check"),
        ("pr", RULE, True, "the binding does not let Fairway merge"),
        ("merge", "pullRequests: {images: {}}\n", True, "no rule of the repository merges it"),
        ("merge", RULE.replace("minor, patch", "patch"), True, "it is a minor update, and only patch ones"),
    ],
)
def test_what_people_merge(fleet: Fleet, write: str, file: str, check: bool, said: str) -> None:
    bumps = proposed(fleet, write=write, file=file, check=check)
    assert f"a person merges it: {said}" in bumps.pull()["body"]
    bumps.green()
    assert not bumps.settle(bumps.number)


def test_a_major_version_is_never_merged_by_itself(fleet: Fleet) -> None:
    fleet.images.chosen("2.0.0")
    bumps = proposed(fleet)
    bumps.green()
    assert not bumps.settle(bumps.number)


def test_what_a_person_pushed_to_is_not_merged(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    fleet.forge.commit(fleet.repo, {"README": "mine"}, "Mine too", branch=bumps.branch)
    bumps.green()
    assert not bumps.settle(bumps.number)


def test_a_rule_that_is_taken_back_counts_no_more(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    bumps.green()
    fleet.forge.commit(fleet.repo, {".fairway.yaml": "version: 1\n"}, "No rule")
    assert not bumps.settle(bumps.number)


def test_a_text_that_claims_another_step_gives_no_right(fleet: Fleet) -> None:
    fleet.images.chosen("2.0.0")
    bumps = proposed(fleet)
    number = bumps.number
    body = bumps.pull()["body"].replace("major", "minor")
    fleet.forge.edit_pull_request(fleet.repo, number, body=f"{body}\n\nFairway-Image-Step: minor")
    bumps.green()
    assert not bumps.settle(number)


def locked(fleet: Fleet) -> None:
    """Make the namespace environment prod, which is locked, with a Kustomization of another folder."""
    images, repo = fleet.images, fleet.repo
    binding = ObjectRef("fairway.dev", "v1alpha1", "RepositoryBinding", "", images.namespace)
    environments = [{"name": "prod", "namespaces": [images.namespace]}]
    images.client.patch(binding, {"spec": {"environments": environments}}, manager="test")
    kind = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
    source = {"kind": "GitRepository", "name": "src"}
    spec = {"sourceRef": source, "path": "./clusters/prod", "interval": "1h", "prune": True}
    metadata = {"name": "prod", "namespace": images.namespace}
    images.client.create({**kind, "metadata": metadata, "spec": spec})
    lock = {
        "verb": "lock",
        "environment": "prod",
        "repository": {"id": repo.id, "owner": repo.owner, "name": repo.name},
        "actor": {"id": 1, "login": "alice"},
        "comment": {"kind": "comment", "id": 1, "line": 1},
    }
    assert Records(images.context).create(lock_name(repo.id, "prod"), lock)


def reads(fleet: Fleet, *looks: str) -> None:
    """Have the last build of the Kustomization have looked there."""
    built = Built("a", "i", "d", (), dict.fromkeys(looks, "1"))
    fleet.images.context.ledger.record((fleet.images.namespace, "prod"), {}, built=built)


def test_a_lock_stops_what_the_environment_reads(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    locked(fleet)
    bumps.green()
    reads(fleet, "f web.yaml")
    assert not bumps.settle(bumps.number)
    reads(fleet, "t clusters/prod")
    assert bumps.settle(bumps.number)


def test_a_lock_stops_it_while_it_is_not_known_what_the_environment_reads(fleet: Fleet) -> None:
    """What is known of that is lost with Redis, and a file outside its folder may be one it reads."""
    bumps = proposed(fleet)
    locked(fleet)
    bumps.green()
    assert not bumps.settle(bumps.number)
    reads(fleet, "t clusters/prod")
    assert bumps.settle(bumps.number)


def test_what_was_declined_meanwhile_is_not_merged(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    bumps.green()
    entry = f"version: 1\ndeclined:\n- image: {fleet.images.image}\n  version: {{}}\n"
    for text in (entry.format("1.1.0"), "version: 1\ndeclined: 3\n"):
        fleet.forge.commit(fleet.repo, {NAME: text}, "Decline")
        assert not bumps.settle(bumps.number)
    fleet.forge.commit(fleet.repo, {NAME: entry.format("1.0.9")}, "Decline another")
    assert bumps.settle(bumps.number)


def test_a_text_that_does_not_say_what_it_proposes_is_left_to_people(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    bumps.green()
    fleet.forge.edit_pull_request(fleet.repo, bumps.number, body="Mine")
    assert not bumps.settle(bumps.number)


def test_what_goes_to_another_branch_now_is_left_to_people(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    number = bumps.number
    fleet.forge.set_ref(fleet.repo, "refs/heads/release", fleet.head())
    fleet.forge.protect(fleet.repo, "release", checks={"ci": None})
    bumps.green()
    fleet.forge.retarget(fleet.repo, number, "release")
    assert not bumps.settle(number)
    before = fleet.head(bumps.branch)
    fleet.forge.commit(fleet.repo, {"README": "newer"}, "Move the base")
    assert f"pull request #{number} of the branch {bumps.branch} was aimed at release" in bumps.message()
    assert ([one["number"] for one in bumps.pulls()], fleet.head(bumps.branch)) == ([number], before)
    fleet.forge.retarget(fleet.repo, number, "main")
    assert bumps.settle(number)


def test_an_automation_that_is_suspended_merges_nothing(fleet: Fleet) -> None:
    bumps = proposed(fleet)
    bumps.green()
    fleet.images.automation(suspend=True)
    assert not bumps.settle(bumps.number)


@pytest.mark.parametrize(("rules", "queued"), [("minor", True), ("patch", False), ("digest", False)])
def test_only_what_a_rule_covers_is_queued(fleet: Fleet, rules: str, queued: bool) -> None:
    context = fleet.images.context
    bumps = proposed(fleet, file=f"pullRequests: {{images: {{autoMerge: [{rules}]}}}}\n")
    key = f"Merge/{fleet.repo.owner}/{fleet.repo.name}:{bumps.number}"
    for _ in range(2):
        bumps.run()
        assert bool(context.redis.hexists("fairway:dirty", key)) is queued
        context.redis.flushall()
