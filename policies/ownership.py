# SPDX-License-Identifier: Apache-2.0
"""Who owns an object, and what its owner's annotations forbid.

The vocabulary is kustomize-controller's: each word may stand in a label or an annotation, on the object in
Git or on the live one, and its value is compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from policies.objects import Object, annotations_of, labels_of

GROUP = "kustomize.toolkit.fluxcd.io"
NAME_LABEL = f"{GROUP}/name"
NAMESPACE_LABEL = f"{GROUP}/namespace"
FIELD_MANAGER = "kustomize-controller"
STATUS_MANAGER = "gotk-kustomize-controller"
FINALIZER = "finalizers.fluxcd.io"


class Action(StrEnum):
    """What to do with one object of a stage."""

    APPLY = "apply"
    KEEP = "keep"  # it is known to be as wanted
    SKIP = "skip"  # neither dry-run nor applied nor waited for


def with_owner(obj: Object, *, name: str, namespace: str) -> Object:
    """Return the object carrying the labels that say which Kustomization applied it."""
    metadata = dict(obj.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: name, NAMESPACE_LABEL: namespace}
    return {**obj, "metadata": metadata}


def owner_of(obj: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (namespace, name) of the Kustomization whose labels the object carries."""
    found = labels_of(obj)
    name, namespace = found.get(NAME_LABEL), found.get(NAMESPACE_LABEL)
    return (namespace, name) if name and namespace else None


def says(word: str, value: str, *objects: Mapping[str, Any] | None) -> bool:
    """Tell whether any of the objects carries `kustomize.toolkit.fluxcd.io/<word>: <value>`."""
    key = f"{GROUP}/{word}"
    return any(
        value.casefold()
        in ((labels_of(o).get(key) or "").casefold(), (annotations_of(o).get(key) or "").casefold())
        for o in objects
        if o is not None
    )


def left_alone(*objects: Mapping[str, Any] | None) -> bool:
    """Tell whether any of the objects says that nobody is to reconcile it."""
    return says("reconcile", "disabled", *objects) or says("ssa", "ignore", *objects)


def action_for(desired: Object, live: Object | None) -> Action:
    """Decide whether an object is applied at all."""
    if left_alone(desired, live):
        return Action.SKIP
    if live is not None and says("ssa", "ifnotpresent", desired):
        return Action.SKIP
    return Action.APPLY


def may_recreate(desired: Object, live: Object | None, *, force: bool) -> bool:
    """Tell whether the object may be deleted and made anew when a change of it is refused."""
    return live is not None and (force or says("force", "enabled", desired, live))


def may_prune(live: Object, *, name: str, namespace: str) -> bool:
    """Tell whether a stale object is still ours to delete."""
    if owner_of(live) != (namespace, name):
        return False
    return not (says("prune", "disabled", live) or left_alone(live))
