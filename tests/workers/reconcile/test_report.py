# SPDX-License-Identifier: Apache-2.0
"""Reports on the statuses of a repository's commits, where GitHub does not play along."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from policies.objects import ObjectRef
from tests.fixtures.world import config_map as manifest
from tests.workers.reconcile.delivery import SOURCE, seen_as_it_is
from tests.workers.reconcile.tenant import Tenant, bind
from workers import heads
from workers.cluster import Client
from workers.github import GitHubError, Invalid
from workers.heads import Head
from workers.later import Later
from workers.reconcile.report import Reporter
from workers.reconcile.telling.observing import Observer


def pushed(tenant: Tenant, value: str) -> str:
    """Push a change, and note it down as a delivery does."""
    context = tenant.delivery.context
    sha = tenant.forge.commit(tenant.repo, {"app/a.yaml": manifest("a", value)}, value, deliver=False)
    head = Head(sha, "refs/heads/main", context.now().timestamp())
    heads.add(context.redis, tenant.repo.full_name.lower(), head, private=False)
    return sha


def report(tenant: Tenant) -> None:
    Reporter(tenant.delivery.context).reconcile(tenant.repo.owner, tenant.repo.name)


def states(tenant: Tenant, *shas: str) -> list[str]:
    found = [tenant.forge.statuses(tenant.repo, sha) for sha in shas]
    return [statuses[-1]["state"] if statuses else "" for statuses in found]


def test_one_commits_error_does_not_keep_the_others_back(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    first, second = pushed(tenant, "1"), pushed(tenant, "2")
    tenant.apply()
    tenant.forge.fail_before("POST", rf"/repos/.*/statuses/{first}")
    with pytest.raises(GitHubError):
        report(tenant)
    assert states(tenant, first, second) == ["", "success"]
    report(tenant)
    assert states(tenant, first, second) == ["success", "success"]


def test_a_commit_is_not_said_to_be_replaced_while_its_history_cannot_be_read(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    first, second = pushed(tenant, "1"), pushed(tenant, "2")
    tenant.apply()
    source = ObjectRef(*SOURCE, tenant.namespace, "src")
    client.patch(source, {"spec": {"secretRef": {"name": "gone"}}}, manager="somebody")
    seen_as_it_is(client, source)
    report(tenant)
    said = tenant.forge.statuses(tenant.repo, first)[-1]
    assert (said["state"], said["description"]) == (
        "pending",
        f"Waits for the Git host to tell whether {second[:7]} contains {first[:7]}",
    )
    context = tenant.delivery.context
    later = context.now() + timedelta(seconds=6)
    due = {str(one.key) for one in Later(context.redis).due(later)}
    assert {f"{kind}/{tenant.repo.full_name}".lower() for kind in ("Repository", "Report")} <= {
        one.lower() for one in due
    }
    client.patch(source, {"spec": {"secretRef": None}}, manager="somebody")
    seen_as_it_is(client, source)
    report(tenant)
    assert states(tenant, first, second) == ["success", "success"]


def test_a_history_that_could_be_read_in_between_is_waited_for_anew(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    first = pushed(tenant, "1")
    pushed(tenant, "2")
    tenant.apply()
    context, source = tenant.delivery.context, ObjectRef(*SOURCE, tenant.namespace, "src")
    now = context.now()

    def text(*, readable: bool, minutes: float) -> str:
        secret = None if readable else {"name": "gone"}
        client.patch(source, {"spec": {"secretRef": secret}}, manager="somebody")
        seen_as_it_is(client, source)
        monkeypatch.setattr(context, "now", lambda: now + timedelta(minutes=minutes))
        observer = Observer(context)
        seen = observer.observe(tenant.repo.full_name.lower())
        return observer.outcome(
            seen, Head(first, "refs/heads/main", now.timestamp()), seen.sources
        ).verdict.text

    assert text(readable=False, minutes=0).startswith("Waits for the Git host")
    assert text(readable=True, minutes=5).startswith("Overtaken by")
    assert text(readable=False, minutes=12).startswith("Waits for the Git host")
    assert text(readable=False, minutes=23).startswith("Not known whether")


def test_a_commit_of_which_github_takes_no_status_is_given_up(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    first, second = pushed(tenant, "1"), pushed(tenant, "2")
    tenant.apply()
    github = tenant.delivery.context.github
    assert github
    ensure = github.statuses.ensure

    def refuse(repository: str, sha: str, status: object) -> bool:
        if sha == first:
            raise Invalid("GitHub refused: no commit found")
        return ensure(repository, sha, status)  # type: ignore[arg-type]

    monkeypatch.setattr(github.statuses, "ensure", refuse)
    for _ in range(5):
        with pytest.raises(Invalid):
            report(tenant)
        assert [head.sha for head in heads.of(tenant.delivery.context.redis, tenant.repo.full_name)] == [
            first
        ]
    report(tenant)
    assert states(tenant, first, second) == ["", "success"]
    assert heads.of(tenant.delivery.context.redis, tenant.repo.full_name) == []


def test_what_github_shows_as_final_is_asked_for_once(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    sha = pushed(tenant, "1")
    tenant.apply()
    report(tenant)
    context = tenant.delivery.context
    context.redis.flushall()
    assert context.github
    asked: list[str] = []
    latest = context.github.statuses.latest

    def asking(repository: str, commit: str, name: str, **more: Any) -> object:
        asked.append(commit)
        return latest(repository, commit, name, **more)

    monkeypatch.setattr(context.github.statuses, "latest", asking)
    report(tenant)
    assert asked == [sha]
    report(tenant)
    assert asked == [sha]
