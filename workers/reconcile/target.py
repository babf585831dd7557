# SPDX-License-Identifier: Apache-2.0
"""Where a Kustomization's objects live, and as whom they are handled there."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from policies.errors import TerminalError
from policies.objects import Object
from workers.cluster import Client
from workers.context import Context

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Target:
    """A client of the cluster, acting as the Kustomization's account, and threads for calls side by side."""

    client: Client
    pool: ThreadPoolExecutor


def target_of(context: Context, obj: Object) -> Target:
    """Return the target of a Kustomization.

    Raises KubeconfigError, TerminalError for what cannot be an account's name, or ApiError of the home
    cluster. Another cluster gets nothing of ours: neither our credentials nor our threads.
    """
    spec, client, pool = obj["spec"], context.cluster, context.pool
    if reference := spec.get("kubeConfig"):
        remote = context.remotes.open(obj["metadata"]["namespace"], reference)
        client, pool = remote.client, remote.pool
    if account := account_of(context, obj):
        if not is_name(account):  # it becomes a header, and the schema lets everything pass
            said = f'spec.serviceAccountName "{account}" is not the name of a service account'
            raise TerminalError(said, reason="ReconciliationFailed")
        client = client.impersonate(f"system:serviceaccount:{obj['metadata']['namespace']}:{account}")
    return Target(client, pool)


def is_name(account: str) -> bool:
    """Tell whether a service account can have this name."""
    return bool(_NAME.fullmatch(account))


def account_of(context: Context, obj: Object) -> str:
    """Return the name of the service account a Kustomization is applied as; empty when it is ourselves."""
    return obj["spec"].get("serviceAccountName") or context.settings.default_service_account
