# SPDX-License-Identifier: Apache-2.0
"""Several policies in a repository: what shares a pull request, limits, windows, what GitHub refuses."""

from __future__ import annotations

from typing import Any

import pytest

from policies.ledger import Built
from policies.objects import ObjectRef
from tests.workers.images.conftest import Fleet, ready
from tests.workers.images.proposals import Bumps

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")


def grouped(fleet: Fleet, settings: str, *names: str, **options: Any) -> Bumps:
    """Have policies choose the same image, each for a file of its own below `apps`."""
    for name in names:
        fleet.images.reconcile(fleet.images.policy(name))
    image, namespace = fleet.images.image, fleet.images.namespace
    files: dict[str, str | bytes | None] = {
        f"apps/{name}/{name}.yaml": f'image: {image}:1.0.0 # {{"$imagepolicy": "{namespace}:{name}"}}\n'
        for name in names
    }
    fleet.forge.commit(fleet.repo, {**files, "web.yaml": None}, "Apps")
    file = f"pullRequests: {{images: {{{settings}}}}}\n"
    return Bumps.of(fleet, word="", file=file, **options)


def kustomization(fleet: Fleet, name: str, path: str) -> ObjectRef:
    ref = ObjectRef(*KUSTOMIZATION, fleet.images.namespace, name)
    spec = {"sourceRef": {"kind": "GitRepository", "name": "src"}, "path": path, "interval": "1h"}
    kind = {"apiVersion": f"{ref.group}/{ref.version}", "kind": ref.kind}
    metadata = {"name": name, "namespace": ref.namespace}
    fleet.images.client.create({**kind, "metadata": metadata, "spec": {**spec, "prune": True}})
    return ref


def built(fleet: Fleet, ref: ObjectRef, *files: str) -> None:
    """Have a Kustomization look as if it had read these files when it was built last."""
    status = {"status": {"lastAppliedRevision": "main@sha1:0"}}
    fleet.images.client.patch(ref, status, manager="test", subresource="status")
    made = Built("a", "i", "d", (), {f"f {file}": "x" for file in files})
    owner = (ref.namespace, ref.name)
    fleet.images.context.ledger.record(owner, {}, built=made)


def branches(bumps: Bumps) -> list[str]:
    return sorted(pull["head"]["ref"].rpartition("/")[2] for pull in bumps.pulls())


def changed(bumps: Bumps, number: int) -> list[str]:
    path = f"/repos/{bumps.fleet.repo.full_name}/pulls/{number}/files"
    return sorted(one["filename"] for one in bumps.fleet.forge._as("alice", "GET", path))


def test_each_policy_has_its_own(fleet: Fleet) -> None:
    bumps = grouped(fleet, "", "api", "site")
    bumps.run()
    assert branches(bumps) == ["policy-api", "policy-site"]
    by_branch = {pull["head"]["ref"].rpartition("-")[2]: pull["number"] for pull in bumps.pulls()}
    for name, number in by_branch.items():
        assert changed(bumps, number) == [f"apps/{name}/{name}.yaml"]


def test_all_share_one(fleet: Fleet) -> None:
    bumps = grouped(fleet, "group: all", "api", "site")
    bumps.run()
    assert branches(bumps) == ["all"]
    assert changed(bumps, bumps.number) == ["apps/api/api.yaml", "apps/site/site.yaml"]
    assert bumps.pull()["title"].endswith("Update 2 images")


def test_an_application_is_the_kustomization_that_reads_the_files(fleet: Fleet) -> None:
    bumps = grouped(fleet, "group: application", "api", "site", "worker")
    namespace = fleet.images.namespace
    for name, path in (("front", "./apps/site"), ("back", "./apps/api")):
        kustomization(fleet, name, path)
    bumps.run()
    found = [branch.rpartition("-")[0] for branch in branches(bumps)]
    assert found == ["app-apps-worker", f"app-{namespace}-back", f"app-{namespace}-front"]


def test_what_was_closed_stays_declined_when_applications_are_none_any_more(fleet: Fleet) -> None:
    bumps = grouped(fleet, "group: application", "api")
    kustomization(fleet, "back", "./apps/api")
    bumps.run()
    fleet.forge.close(fleet.repo, bumps.number)
    file = {".fairway.yaml": "version: 1\npullRequests: {images: {group: policy}}\n"}
    fleet.forge.commit(fleet.repo, file, "File")
    assert "policy api: its version was declined" in bumps.message()
    assert bumps.pulls() == []


def test_what_a_flush_has_lost_regroups_nothing(fleet: Fleet) -> None:
    bumps = grouped(fleet, "group: application", "api")
    built(fleet, kustomization(fleet, "back", "./clusters"), "apps/api/api.yaml")
    bumps.run()
    (before,) = bumps.pulls()
    assert before["head"]["ref"].rpartition("-")[0].endswith(f"app-{fleet.images.namespace}-back")
    fleet.images.context.redis.flushall()
    assert "once their Kustomizations were built again" in bumps.message()
    assert bumps.pulls() == [before]
    built(fleet, ObjectRef(*KUSTOMIZATION, fleet.images.namespace, "back"), "apps/api/api.yaml")
    bumps.run()
    assert bumps.pulls() == [before]


def test_what_was_closed_stays_declined_after_a_flush(fleet: Fleet) -> None:
    bumps = grouped(fleet, "group: application", "api")
    built(fleet, kustomization(fleet, "back", "./clusters"), "apps/api/api.yaml")
    bumps.run()
    fleet.forge.close(fleet.repo, bumps.number)
    fleet.images.context.redis.flushall()
    assert "policy api: its version was declined" in bumps.message()


def test_limits_hold_what_is_too_much(fleet: Fleet) -> None:
    bumps = grouped(fleet, "limit: 2, perHour: 2", "api", "site", "worker")
    assert "held: policy worker: the limit of open pull requests, 2, is reached" in bumps.message()
    first = next(pull for pull in bumps.pulls() if pull["head"]["ref"].endswith("api"))
    fleet.forge.merge(fleet.repo, first["number"])
    assert "the limit of those opened within an hour, 2, is reached" in bumps.message()
    assert branches(bumps) == ["policy-site"]
    fleet.images.pass_time(hours=1, minutes=1)
    bumps.run()
    assert branches(bumps) == ["policy-site", "policy-worker"]


def test_what_waits_is_looked_at_when_its_time_is_there(fleet: Fleet) -> None:
    now = fleet.images.now()
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[(now.weekday() + 3) % 7]
    window = f'schedule: [{{days: [{day}], from: "00:00", to: "00:00"}}]'
    bumps = grouped(fleet, window, "api")
    assert "no window is open" in bumps.message()
    ref = bumps.ref
    score = fleet.images.context.redis.zscore(
        "fairway:later", f"ImageUpdateAutomation/{ref.namespace}/{ref.name}"
    )
    assert 1 < (float(str(score)) - now.timestamp()) / 86400 <= 3
    fleet.images.pass_time(days=3)
    bumps.run()
    assert branches(bumps) == ["policy-api"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/repos/.*/git/trees"),
        ("POST", "/repos/.*/git/commits"),
        ("POST", "/repos/.*/git/refs"),
        ("POST", "/repos/.*/pulls"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_502_costs_a_run_at_most(fleet: Fleet, method: str, path: str, when: str) -> None:
    bumps = Bumps.of(fleet)
    (fleet.forge.fail_before if when == "before" else fleet.forge.fail_after)(method, path)
    status, reason, _ = ready(bumps.run())
    assert (status, reason) in (("True", "Succeeded"), ("False", "GitOperationFailed"))
    assert ready(bumps.run())[0] == "True"
    assert (len(bumps.pulls("all")), bumps.tags(), len(bumps.commits())) == (1, ["1.1.0"], 1)


def test_what_goes_wrong_with_one_leaves_the_others_their_turn(fleet: Fleet) -> None:
    bumps = grouped(fleet, "", "api", "site")
    branch = bumps.branch.replace("policy-web", "policy-api")
    fleet.forge.commit(fleet.repo, {"README": "theirs"}, "Theirs", branch=branch)
    status, reason, message = ready(bumps.run())
    assert (status, reason) == ("False", "GitOperationFailed")
    assert branch in message
    assert branches(bumps) == ["policy-site"]
