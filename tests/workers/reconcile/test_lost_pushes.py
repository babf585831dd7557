# SPDX-License-Identifier: Apache-2.0
"""Every push gets its final status, told or not, flushed or not; what was before us is left as it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.fixtures.world import config_map as manifest
from tests.workers.reconcile.tenant import Tenant, bind
from workers import heads, permissions
from workers.cluster import Client
from workers.context import Context
from workers.github import PermissionMissing, RateLimited
from workers.reconcile.lost_pushes import LostPushes
from workers.reconcile.report import Reporter
from workers.reconcile.sweep import Sweep
from workers.reconcile.telling import features
from workers.reconcile.telling.observing import Observer


def push(tenant: Tenant, value: str) -> str:
    """Push a change that nobody is told of."""
    files = {"app/a.yaml": manifest("a", value)}
    return tenant.forge.commit(tenant.repo, files, f"a is {value}", deliver=False)


def swept(tenant: Tenant) -> None:
    """Sweep and report as workers do."""
    owner, name = tenant.repo.owner, tenant.repo.name
    Sweep(tenant.delivery.context).reconcile(owner, name)
    Reporter(tenant.delivery.context).reconcile(owner, name)


def said(tenant: Tenant, sha: str) -> list[str]:
    return [one["state"] for one in tenant.forge.statuses(tenant.repo, sha)]


def later(monkeypatch: pytest.MonkeyPatch, tenant: Tenant, hours: float) -> None:
    context = tenant.delivery.context
    monkeypatch.setattr(context, "now", lambda now=context.now: now() + timedelta(hours=hours))


def reads(monkeypatch: pytest.MonkeyPatch, context: Context) -> list[str]:
    """Return the commits whose status is asked of GitHub from now on."""
    assert context.github
    asked: list[str] = []
    latest = context.github.statuses.latest

    def asking(repository: str, sha: str, name: str) -> object:
        asked.append(sha)
        return latest(repository, sha, name)

    monkeypatch.setattr(context.github.statuses, "latest", asking)
    return asked


def test_pushes_that_nobody_told_of_get_their_status_also_when_overtaken(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    shas = [push(tenant, str(number)) for number in range(3)]
    tenant.apply()
    swept(tenant)
    assert [said(tenant, sha)[-1:] for sha in shas] == [["success"]] * 3
    swept(tenant)
    assert [len(said(tenant, sha)) for sha in shas] == [1, 1, 1], "and nothing is said twice"


def test_what_redis_has_lost_is_found_at_github(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    overtaken, newest = push(tenant, "1"), push(tenant, "2")
    swept(tenant)
    assert [said(tenant, sha) for sha in (overtaken, newest)] == [["pending"], ["pending"]]
    tenant.delivery.context.redis.flushall()
    tenant.apply()
    swept(tenant)
    assert [said(tenant, sha)[-1] for sha in (overtaken, newest)] == ["success", "success"]


@pytest.mark.parametrize("when", ["before our first word", "after a flush"])
def test_a_forged_success_keeps_no_failure_of_ours_away(client: Client, tenant: Tenant, when: str) -> None:
    bind(client, tenant)
    context, name = tenant.delivery.context, tenant.repo.full_name
    tenant.apply()
    swept(tenant)
    sha = tenant.forge.commit(tenant.repo, {"app/a.yaml": "kind: [\n"}, "broken", deliver=False)
    if when == "after a flush":
        swept(tenant)
        context.redis.flushall()
    forged = {"state": "success", "context": f"fairway/{context.settings.cluster}", "description": "fine"}
    tenant.forge._as("alice", "POST", f"/repos/{name}/statuses/{sha}", forged)
    tenant.apply()
    swept(tenant)
    assert said(tenant, sha) == [*(["pending"] if when == "after a flush" else []), "success", "failure"]


def test_what_is_final_is_asked_of_github_once(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    shas = [push(tenant, "1"), push(tenant, "2")]
    tenant.apply()
    swept(tenant)
    tenant.delivery.context.redis.flushall()
    asked = reads(monkeypatch, tenant.delivery.context)
    swept(tenant)
    assert set(shas) <= set(asked)
    asked.clear()
    swept(tenant)
    assert asked == []


def test_what_was_pushed_before_we_were_there_is_left(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    context = tenant.delivery.context
    old = [push(tenant, str(number)) for number in range(8)]
    later(monkeypatch, tenant, 2)
    tenant.apply()
    asked = reads(monkeypatch, context)
    swept(tenant)
    assert [said(tenant, sha) for sha in old[:-1]] == [[]] * 7
    assert said(tenant, old[-1]) == ["success"], "it is what is applied"
    assert len(set(asked)) <= 6
    asked.clear()
    lost = push(tenant, "new")
    push(tenant, "newer")
    tenant.apply()
    swept(tenant)
    assert said(tenant, lost) == ["success"]
    assert not set(asked) & set(old[:-1])


def test_pushes_of_the_last_hour_count_as_lost_without_anything_before_them(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    shas = [push(tenant, str(number)) for number in range(3)]
    tenant.apply()
    swept(tenant)
    assert [said(tenant, sha)[-1:] for sha in shas] == [["success"]] * 3


def test_a_branch_that_was_deleted_or_that_nobody_follows_has_no_pushes_to_look_after(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    context = tenant.delivery.context
    sha = tenant.forge.commit(tenant.repo, {"b.txt": "b"}, "b", branch="topic", deliver=False)
    tenant.forge.set_ref(tenant.repo, "refs/heads/topic", None, deliver=False)
    tenant.apply()
    swept(tenant)
    seen = Observer(context).observe(tenant.repo.full_name)
    assert context.github
    LostPushes(context).look(context.github, seen, "topic")
    assert said(tenant, sha) == []
    assert heads.of(context.redis, tenant.repo.full_name) == []


def test_without_the_right_to_statuses_the_rest_of_a_sweep_goes_on(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    context = tenant.delivery.context
    assert context.github

    def refused(*_: object) -> None:
        raise PermissionMissing("no statuses for you", permission="statuses: write", remedy="grant it")

    monkeypatch.setattr(context.github.statuses, "latest", refused)
    push(tenant, "1")
    Sweep(context).reconcile(tenant.repo.owner, tenant.repo.name)
    assert permissions.missing_of(context, tenant.repo.full_name) == {"statuses: write": features.STATUSES}
    assert heads.of(context.redis, tenant.repo.full_name), "the branch's head is looked after nevertheless"


def test_a_moment_is_known_to_the_second_and_nobody_who_looked_within_it_counts_as_later(
    client: Client, tenant: Tenant
) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    before = datetime.now().timestamp()
    push(tenant, "1")
    Sweep(tenant.delivery.context).reconcile(tenant.repo.owner, tenant.repo.name)
    [head] = heads.of(tenant.delivery.context.redis, tenant.repo.full_name)
    assert head.at >= before


def test_a_look_that_is_cut_off_keeps_what_it_found(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    shas = [push(tenant, str(number)) for number in range(4)]
    context = tenant.delivery.context
    assert context.github
    asked: list[str] = []
    latest = context.github.statuses.latest

    def limited(repository: str, sha: str, name: str) -> object:
        asked.append(sha)
        if len(asked) > 2:
            raise RateLimited("enough for now", retry_at=context.now() + timedelta(seconds=1))
        return latest(repository, sha, name)

    monkeypatch.setattr(context.github.statuses, "latest", limited)
    with pytest.raises(RateLimited):
        Sweep(context).reconcile(tenant.repo.owner, tenant.repo.name)
    found = {head.sha for head in heads.of(context.redis, tenant.repo.full_name)}
    assert found == set(shas[2:]), "the newest are looked at first"
    monkeypatch.undo()
    tenant.apply()
    swept(tenant)
    swept(tenant)
    assert [said(tenant, sha)[-1:] for sha in shas] == [["success"]] * 4


def test_more_pushes_than_a_page_has_are_all_looked_after(client: Client, tenant: Tenant) -> None:
    bind(client, tenant)
    tenant.apply()
    swept(tenant)
    shas = [push(tenant, str(number)) for number in range(120)]
    Sweep(tenant.delivery.context).reconcile(tenant.repo.owner, tenant.repo.name)
    found = {head.sha for head in heads.of(tenant.delivery.context.redis, tenant.repo.full_name)}
    assert found == set(shas)
