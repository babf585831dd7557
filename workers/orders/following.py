# SPDX-License-Identifier: Apache-2.0
"""The objects of the cluster that follow a repository's branch, as far as the repository may concern them."""

from __future__ import annotations

from collections.abc import Callable

from policies.dependencies import source_key
from policies.objects import Object
from policies.pushes import follows, points_to
from policies.tenancy import Tenant
from workers.context import Context

_SOURCE = ("source.toolkit.fluxcd.io", "v1", "GitRepository")
_KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")


def following(context: Context, repository: str, branch: str, tenant: Tenant) -> tuple[list[Object], ...]:
    """Return the GitRepositories of `owner/name` that follow a branch, and the Kustomizations made of them.

    Only those in namespaces that the repository is bound to, and none that is suspended.
    """
    url, ref = context.settings.github_url, f"refs/heads/{branch}"
    sources = [
        obj
        for obj in _active(context, _SOURCE, tenant.covers)
        if points_to(obj, repository, url) and follows(obj, ref)
    ]
    keys = {("GitRepository", obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in sources}
    everything = _active(context, _KUSTOMIZATION, tenant.covers) if keys else []
    return sources, [obj for obj in everything if source_key(obj) in keys]


def _active(context: Context, kind: tuple[str, str, str], covers: Callable[[str], bool]) -> list[Object]:
    found, _ = context.cluster.list(context.cluster.discovery.resource(*kind))
    return [
        obj
        for obj in found
        if (spec := obj.get("spec")) and not spec.get("suspend") and covers(obj["metadata"]["namespace"])
    ]
