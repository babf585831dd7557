# SPDX-License-Identifier: Apache-2.0
"""Where a Kustomization's objects live, and as whom they are handled there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from policies.objects import Object
from workers.cluster import Client
from workers.context import Context


@dataclass(frozen=True)
class Target:
    """A client of the cluster, acting as the Kustomization's account, and threads for calls side by side."""

    client: Client
    pool: ThreadPoolExecutor


def target_of(context: Context, obj: Object) -> Target:
    """Return the target of a Kustomization.

    Raises KubeconfigError, or ApiError of the home cluster. Another cluster gets nothing of ours: neither
    our credentials nor our threads.
    """
    spec, client, pool = obj["spec"], context.cluster, context.pool
    if reference := spec.get("kubeConfig"):
        remote = context.remotes.open(obj["metadata"]["namespace"], reference)
        client, pool = remote.client, remote.pool
    if account := account_of(context, obj):
        client = client.impersonate(f"system:serviceaccount:{obj['metadata']['namespace']}:{account}")
    return Target(client, pool)


def account_of(context: Context, obj: Object) -> str:
    """Return the name of the service account a Kustomization is applied as; empty when it is ourselves."""
    return obj["spec"].get("serviceAccountName") or context.settings.default_service_account
