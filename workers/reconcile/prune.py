# SPDX-License-Identifier: Apache-2.0
"""Delete what a Kustomization applied once and no longer contains."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from policies import ownership
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError, Client, Forbidden, NoMatch, NotFound
from workers.reconcile.failures import PruneFailed


def prune(
    client: Client,
    stale: Iterable[ObjectRef],
    *,
    name: str,
    namespace: str,
    fence: Callable[[], None],
) -> list[ObjectRef]:
    """Delete stale objects that are still ours and return them.

    Raises PruneFailed with the objects whose deletion was not confirmed: they stay in the inventory.
    """
    deleted, survivors, problems = [], [], []
    fence()
    for ref in stale:
        try:
            if _delete(client, ref, name=name, namespace=namespace):
                deleted.append(ref)
        except ApiError as error:
            survivors.append(ref)
            problems.append(f"{ref} delete failed: {error.message}")
    if problems:
        raise PruneFailed(f"delete failed, errors: {';'.join(problems)};", survivors, deleted)
    return deleted


def terminating(client: Client, refs: Iterable[ObjectRef], *, name: str, namespace: str) -> list[ObjectRef]:
    """Return those objects of ours that are being deleted and not gone yet."""
    return [
        ref
        for ref in refs
        if (live := _find(client, ref))
        and live["metadata"].get("deletionTimestamp")
        and ownership.owner_of(live) == (namespace, name)
    ]


def _find(client: Client, ref: ObjectRef) -> Object | None:
    try:
        return client.get(ref)
    except NotFound:
        return None


def _look(client: Client, ref: ObjectRef, *, name: str, namespace: str) -> Object | None:
    """Read an object; None when it is not ours to delete, and its account may not even see it.

    A run that was killed before it applied the object has left its name in the inventory.
    """
    try:
        return client.get(ref)
    except Forbidden:
        live = _find(client.impersonate(""), ref) if client.user else {}
        if live is None or (live and ownership.owner_of(live) != (namespace, name)):
            return None
        raise


def _delete(client: Client, ref: ObjectRef, *, name: str, namespace: str) -> bool:
    try:
        live = _look(client, ref, name=name, namespace=namespace)
        if live is None or not ownership.may_prune(live, name=name, namespace=namespace):
            return False
        if live["metadata"].get("deletionTimestamp"):
            return False  # on its way already
        # The uid makes sure that what is deleted is what was looked at.
        client.delete(ref, uid=live["metadata"]["uid"])
    except NoMatch:
        return False  # its CustomResourceDefinition is gone, and with it the object
    except NotFound:
        return False
    return True
