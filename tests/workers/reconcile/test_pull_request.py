# SPDX-License-Identifier: Apache-2.0
"""Pull requests under strict tenancy: each is told of its own, and what is not bound is told nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from policies.objects import ObjectRef
from tests.fixtures.world import config_map as manifest
from tests.workers.reconcile.conftest import made
from tests.workers.reconcile.delivery import KUSTOMIZATION, SOURCE, Delivery
from tests.workers.reconcile.tenant import Tenant, bind, instance, kustomization, source
from workers import events, heads, known_pulls, permissions
from workers.cluster import Client
from workers.github import PermissionMissing
from workers.later import Later
from workers.orders import events as orders
from workers.reconcile.gitrepository import GitRepositoryReconciler
from workers.reconcile.kustomization import KustomizationReconciler
from workers.reconcile.pull_request import PullRequests
from workers.reconcile.report import Reporter
from workers.reconcile.telling import features
from workers.reconcile.telling.commits import CommitReporter
from workers.workqueue import Key


def test_a_repository_that_is_not_bound_is_told_nothing(client: Client, tenant: Tenant) -> None:
    bind(client, tenant, number=tenant.repo.id + 1)
    number, sha = tenant.merged({"app/a.yaml": manifest("a")})
    head = tenant.forge.pull_request(tenant.repo, number)["head"]["sha"]
    tenant.run(number)
    assert tenant.comments(number) == []
    assert tenant.forge.statuses(tenant.repo, head) + tenant.forge.statuses(tenant.repo, sha) == []


def test_a_comment_tells_only_of_the_namespaces_its_repository_is_bound_to(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    other = f"{tenant.namespace}-other"
    client.create(made("v1", "Namespace", other))
    # The other applies somebody else's source, has one of his own of the same repository, and a hold.
    kustomization(client, other, "payroll", tenant.namespace)
    source(client, other, tenant.repo)
    kustomization(client, other, "wages", other, path="./nowhere")
    number, sha = tenant.merged({"app/a.yaml": manifest("a")})
    hold = {
        "verb": "hold",
        "repository": {"owner": "other", "name": "other", "id": tenant.repo.id + 1},
        "pullRequest": number,
        "actor": {"id": 11, "login": "mallory"},
        "comment": {"kind": "comment", "id": 99, "line": 1},
    }
    order = made("fairway.dev/v1alpha1", "Order", f"hold-{tenant.repo.id + 1}-{number}", "fairway-system")
    client.create({**order, "spec": hold})
    tenant.run(number)
    [text] = tenant.comments(number)
    assert f"✅ `{sha[:7]}`" in text
    assert f"Kustomization {tenant.namespace}/app" in text
    assert not [word for word in (other, "payroll", "wages", "mallory") if word in text]


def test_running_twice_says_it_once(client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    tenant.run(number)
    [first] = tenant.forge.comments(tenant.repo, number)
    assert "applied and healthy" in first["body"]
    context, written = tenant.delivery.context, list[object]()
    assert context.github
    # An edit within the same second would not show.
    monkeypatch.setattr(context.github.comments, "ensure", lambda *said, **_: written.append(said))
    tenant.run(number)
    context.redis.flushall()
    tenant.run(number)
    assert written == []
    assert tenant.forge.comments(tenant.repo, number) == [first]


def test_a_comment_that_two_wrote_at_once_is_one_again(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    context = tenant.delivery.context
    name = f"pull-request/{context.settings.cluster}"
    path = f"/repos/{tenant.repo.full_name}/issues/{number}/comments"
    assert context.github
    # As a second worker does that saw none either.
    body = {"body": f"<!-- fairway:{name} -->\nthe other's"}
    for _ in range(2):
        context.github.call(
            "POST", tenant.repo.full_name, path.removeprefix(f"/repos/{tenant.repo.full_name}"), "comment",
            body, permissions={"pull_requests": "write"},
        )  # fmt: skip
    tenant.run(number)
    [text] = tenant.comments(number)
    assert "applied and healthy" in text


@pytest.mark.parametrize("known", ["heard of", "after a flush"])
@pytest.mark.parametrize("edit", ["all is lost", "in between", "forged"])
def test_what_somebody_writes_into_the_comment_is_put_back(
    client: Client, tenant: Tenant, edit: str, known: str
) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    tenant.run(number)
    [shown] = tenant.forge.comments(tenant.repo, number)
    ours = str(shown["body"])
    changed = {
        "all is lost": f"{ours.splitlines()[0]}\nAll is lost.",
        "in between": ours.replace("applied and healthy", "on fire"),
        "forged": ours.replace("✅", "❌"),
    }[edit]
    assert changed != ours
    tenant.forge.allow(tenant.repo, "maud", "maintain")
    tenant.forge.edit_comment(tenant.repo, shown["id"], changed, author="maud")
    context = tenant.delivery.context
    if known == "heard of":
        assert context.github
        event = {"action": "edited", "repository": tenant.repo.full_name, "number": number}
        orders.comment(context, event | {"app_id": context.github.identity().id})
    else:
        context.redis.flushall()
    tenant.run(number)
    [text] = tenant.comments(number)
    assert _lasting(text) == _lasting(ours)
    for _ in range(2):
        tenant.run(number)
    [again] = tenant.comments(number)
    assert again == text


def _lasting(text: str) -> str:
    """Return what of a comment does not say when it was written."""
    return re.sub(r"updated [^·]*|:[0-9a-f]{16} -->", "", text)


_TWO = "version: 1\ninstances:\n  {home}: {{home: on}}\n  elsewhere: {{home: off}}\n"


def test_of_two_instances_the_home_one_comments_and_each_says_how_it_fares(
    client: Client, tenant: Tenant, deliver: Callable[..., Delivery], tmp_path: Path
) -> None:
    bind(client, tenant)
    home, name = tenant.delivery.context, tenant.repo.full_name
    file = _TWO.format(home=home.settings.cluster)
    tenant.forge.commit(tenant.repo, {".fairway.yaml": file}, "Two instances", deliver=False)
    # On the other cluster is another Redis: nothing that one knows tells the other.
    own = {"FAIRWAY_CLUSTER": "elsewhere", "FAIRWAY_REDIS_URL": home.settings.redis_url[:-1] + "1"}
    away = deliver(tenant.namespace, **instance(tenant.forge, tenant.repo, tmp_path), **own).context
    number, sha = tenant.merged({"app/a.yaml": manifest("a")})
    for context in (away, home):
        PullRequests(context).reconcile(tenant.repo.owner, f"{tenant.repo.name}:{number}")
        Reporter(context).reconcile(tenant.repo.owner, tenant.repo.name)
        CommitReporter(context).reconcile(tenant.repo.owner, tenant.repo.name)
        cluster = context.settings.cluster
        assert f"fairway/{cluster}" in {one["context"] for one in tenant.forge.statuses(tenant.repo, sha)}
        runs = tenant.forge._as("alice", "GET", f"/repos/{name}/commits/{sha}/check-runs")["check_runs"]
        assert f"Fairway {cluster}" in {one["name"] for one in runs}
        assert len(tenant.comments(number)) == (context is home)
    [text] = tenant.comments(number)
    assert f"on `{home.settings.cluster}`: applied and healthy" in text


@pytest.mark.parametrize("status", [403, 404, 422])
def test_what_github_refuses_once_before_the_merge_is_said_a_moment_later(
    client: Client, tenant: Tenant, status: int
) -> None:
    bind(client, tenant)
    tenant.apply()
    forge, repo, context = tenant.forge, tenant.repo, tenant.delivery.context
    head = forge.commit(repo, {".fairway.yaml": "version: 1\n"}, "a file", branch="topic")
    number = int(forge.open_pull_request(repo, "topic", "A file")["number"])
    for path in (f"statuses/{head}", "check-runs"):
        forge.fail_before("POST", f"/repos/{repo.full_name}/{path}", status)

    def said() -> tuple[int, int]:
        path = f"/repos/{repo.full_name}/commits/{head}/check-runs"
        return len(forge.statuses(repo, head)), forge._as("alice", "GET", path)["total_count"]

    try:
        tenant.run(number)
        assert said() == (0, 0)
        PullRequests(context).merge_group(repo.owner, f"{repo.name}:{head}")
        assert said() == (1, 0)
        due = Later(context.redis).due(context.now() + timedelta(seconds=5))
        assert Key("PullRequest", repo.owner, f"{repo.name}:{number}") in {one.key for one in due}
        tenant.run(number)
        assert said() == (1, 1)
    finally:
        left = forge.clear_faults()
    assert left == 0


def test_a_commit_of_a_merge_queue_is_tried_again(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    tenant.apply()
    forge, repo, context = tenant.forge, tenant.repo, tenant.delivery.context
    head = forge.commit(repo, {"b.txt": "b"}, "b", branch="topic")
    forge.fail_before("POST", f"/repos/{repo.full_name}/statuses/{head}", 404)
    key = Key("MergeGroup", repo.owner, f"{repo.name}:{head}")
    PullRequests(context).merge_group(key.namespace, key.name)
    assert forge.clear_faults() == 0
    assert key in {one.key for one in Later(context.redis).due(context.now() + timedelta(seconds=5))}
    PullRequests(context).merge_group(key.namespace, key.name)
    assert [one["state"] for one in forge.statuses(repo, head)] == ["success"]


def test_what_had_a_repository_s_name_before_is_forgotten(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    tenant.run(number)
    context, name = tenant.delivery.context, tenant.repo.full_name
    now = context.now().timestamp()
    assert known_pulls.states(context.redis, name, now) == {number: "success"}
    # Also when the event was lost, another repository's comments are not taken for these.
    assert known_pulls.of(context.redis, name, number, tenant.repo.id + 1).comment == 0
    event = {
        "action": "renamed",
        "repository": f"{tenant.repo.owner}/new",
        "old_owner": None,
        "old_name": "fleet",
    }
    events.repository(context, event)
    assert known_pulls.states(context.redis, name, context.now().timestamp()) == {}
    left = context.redis.keys(f"fairway:*{name}*")
    assert all(key.startswith(b"fairway:budget:") for key in left)
    assert context.queue.busy([Key("Repository", tenant.repo.owner, "new")])


@pytest.mark.parametrize(("action", "private"), [("privatized", True), ("publicized", False)])
def test_who_may_see_a_repository_is_noted_at_once(tenant: Tenant, action: str, private: bool) -> None:
    context, name = tenant.delivery.context, tenant.repo.full_name
    heads.set_private(context.redis, name, private=not private)
    event = {"action": action, "repository": name, "old_owner": None, "old_name": None}
    events.repository(context, event)
    assert heads.is_private(context.redis, name) is private


def test_new_permissions_are_tried_at_once(client: Client, tenant: Tenant) -> None:
    context, name = tenant.delivery.context, tenant.repo.full_name
    missing = PermissionMissing("GitHub refused", permission="checks: write", remedy="grant it")

    def refused() -> None:
        raise missing

    tried: list[str] = []
    features.attempt(context, name, features.CHECKS, refused)
    features.attempt(context, name, features.CHECKS, lambda: tried.append("rests"))
    assert tried == []
    assert permissions.missing_of(context, name) == {"checks: write": "check runs"}
    event = {"action": "new_permissions_accepted", "account": tenant.repo.owner, "installation_id": 1}
    events.installation(context, event)
    assert permissions.missing_of(context, name) == {}
    assert context.queue.busy([Key("Sweep", tenant.repo.owner, tenant.repo.name)])
    features.attempt(context, name, features.CHECKS, lambda: tried.append("again"))
    assert tried == ["again"]


def test_what_an_installation_was_not_given_is_known_before_anything_meets_it(
    client: Client, tenant: Tenant
) -> None:
    context, name, owner = tenant.delivery.context, tenant.repo.full_name, tenant.repo.owner
    assert context.github
    installation = context.github.installation_for(owner, tenant.repo.name).id
    tenant.forge.set_permissions(installation, {"deployments": None, "merge_queues": None})
    event = {"action": "added", "account": owner, "installation_id": installation}
    events.installation(context, event)
    expected = {"deployments: write": "deployments", "merge_queues: read": "merge queues"}
    assert permissions.missing_of(context, name) == expected
    tenant.forge.set_permissions(installation, {"deployments": "write"})
    events.installation(context, event)
    assert permissions.missing_of(context, name) == {"merge_queues: read": "merge queues"}


def test_an_object_of_a_source_that_is_gone_leaves_no_trace(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    client.delete(ObjectRef(*KUSTOMIZATION, tenant.namespace, "app"))
    client.delete(ObjectRef(*SOURCE, tenant.namespace, "src"))
    KustomizationReconciler(tenant.delivery.context).reconcile(tenant.namespace, "app")
    GitRepositoryReconciler(tenant.delivery.context).reconcile(tenant.namespace, "src")
    tenant.run(number)
    assert tenant.comments(number) == []


def test_what_is_long_over_is_forgotten(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    number, _ = tenant.merged({"app/a.yaml": manifest("a")})
    tenant.run(number)
    context, name = tenant.delivery.context, tenant.repo.full_name
    week = context.now().timestamp() + 7 * 24 * 3600
    assert known_pulls.states(context.redis, name, week - 60) == {number: "success"}
    assert known_pulls.states(context.redis, name, week + 60) == {}
    assert known_pulls.states(context.redis, name, week - 60) == {}
