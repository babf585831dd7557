# SPDX-License-Identifier: Apache-2.0
"""A worker is killed after any write of what it tells, and Redis is emptied: a sweep ends it, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.world import config_map as manifest
from tests.workers.reconcile.killed import kill
from tests.workers.reconcile.tenant import Tenant, bind
from workers.cluster import Client
from workers.workqueue import Key

_FILE = "version: 1\nenvironments:\n  prod:\n    protected: on\n"


def work(tenant: Tenant) -> None:
    """Sweep and report as `watch` has it done after a flush, and work off what that sets off."""
    tenant.sweep()
    tenant.delivery.context.queue.add(Key("Repository", tenant.repo.owner, tenant.repo.name))
    tenant.work()


def told(tenant: Tenant, number: int, sha: str) -> dict[str, list[str]]:
    """Return all that is said of a merge: what GitHub shows that is ours."""

    def get(path: str) -> Any:
        return tenant.forge._as("alice", "GET", f"/repos/{tenant.repo.full_name}/{path}")

    made = get(f"deployments?sha={sha}")
    runs = get(f"commits/{sha}/check-runs?filter=all")["check_runs"]
    return {
        "comments": [text.splitlines()[1].rpartition(": ")[2] for text in tenant.comments(number)],
        "statuses": [one["state"] for one in tenant.forge.statuses(tenant.repo, sha)],
        "checks": [one["conclusion"] for one in runs],
        "deployments": [one["environment"] for one in made],
        "final": [one["state"] for d in made for one in get(f"deployments/{d['id']}/statuses")],
    }


@pytest.mark.parametrize("died_after", ["status", "check", "deployment", "deployment's status", "comment"])
def test_there_is_one_of_each_in_the_end(client: Client, tenant: Tenant, died_after: str) -> None:
    bind(client, tenant, environments=[{"name": "prod", "namespaces": [tenant.namespace]}])
    number, sha = tenant.merged({"app/a.yaml": manifest("a"), ".fairway.yaml": _FILE})
    owner, name = tenant.repo.owner, tenant.repo.name
    keys = [Key(kind, owner, name) for kind in ("Repository", "Report")]
    keys.append(Key("PullRequest", owner, f"{name}:{number}"))
    context = tenant.delivery.context
    kill(context, context.settings.github_private_key_file, died_after, 1, *keys)
    expected = {
        "comments": ["applied and healthy"],
        "statuses": ["success"],
        "checks": ["success"],
        "deployments": ["prod"],
        "final": ["success"],
    }
    before = told(tenant, number, sha)
    assert before != expected or died_after == "comment", "it was killed on the way"
    work(tenant)
    assert told(tenant, number, sha) == expected
    context.redis.flushall()
    work(tenant)
    assert told(tenant, number, sha) == expected
