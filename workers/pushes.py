# SPDX-License-Identifier: Apache-2.0
"""What a push sets off: the sources that follow the ref, and a status on the commit at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from policies import fairness
from policies.pushes import concerned
from workers import heads
from workers.bindings import tenant_of
from workers.context import Context
from workers.heads import Head
from workers.reconcile.sweep import MERGES
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)


def announce(context: Context, push: Mapping[str, Any]) -> None:
    """Queue every GitRepository that follows the pushed ref, and the report on its repository."""
    cluster, settings = context.cluster, context.settings
    resource = cluster.discovery.resource("source.toolkit.fluxcd.io", "v1", "GitRepository")
    sources, _ = cluster.list(resource)
    found = concerned(sources, repository=push["repository"], ref=push["ref"], github_url=settings.github_url)
    log.info(
        "push delivery=%s repository=%s ref=%s sources=%d",
        push["delivery"],
        push["repository"],
        push["ref"],
        len(found),
    )
    grants = tenant_of(context, push["repository"], repository_id=push["repository_id"])
    if not grants.bound:
        log.info("push ignored repository=%s: %s; %s", push["repository"], grants.reason, grants.remedy)
        return
    found = [source for source in found if grants.covers(source["metadata"]["namespace"])]
    if not found:
        return
    for source in found:
        metadata = source["metadata"]
        share = fairness.of_source(source, settings.github_url)
        context.queue.add(Key("GitRepository", metadata["namespace"], metadata["name"]), Queue.PUSH, share)
    if set(push["after"]) != {"0"}:
        head = Head(push["after"], push["ref"], context.now().timestamp())
        heads.add(context.redis, push["repository"], head, private=push["private"])
        owner, _, name = push["repository"].lower().partition("/")
        share = fairness.of_repository(owner, name, found[0]["metadata"]["namespace"])
        context.queue.add(Key("Repository", owner, name), Queue.PUSH, share)
        # It may have merged pull requests, of which GitHub tells by another delivery, or by none.
        context.queue.add(Key("Sweep", owner, f"{name}:{MERGES}"), Queue.PUSH, share)
