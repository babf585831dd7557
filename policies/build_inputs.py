# SPDX-License-Identifier: Apache-2.0
"""What decides, besides the source's files, what a Kustomization renders, and how it is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies import drift_mode
from policies.ledger import Built, Known, changed, digest
from policies.objects import Object, ObjectRef, annotations_of
from policies.settings import Settings

# They decide when it is applied, what is waited for and what is pruned: nothing of what is rendered. All
# else counts, also fields that do not exist yet.
_ASIDE = frozenset(
    {
        "deletionPolicy",
        "dependsOn",
        "healthCheckExprs",
        "healthChecks",
        "interval",
        "prune",
        "retryInterval",
        "suspend",
        "timeout",
        "wait",
    }
)


def inputs(obj: Object, configs: Sequence[str], settings: Settings, *, engine: str) -> str:
    """Return a digest that is the same only if the same files render to the same and are applied alike.

    `configs` are the versions of the ConfigMaps and Secrets it is made with, `engine` names the build of the
    engine. Empty when nothing may be taken for granted.
    """
    spec: Mapping[str, Any] = obj["spec"]
    if spec.get("decryption") or spec.get("kubeConfig") or spec.get("ignore"):
        return ""
    if annotations_of(obj).get(drift_mode.ANNOTATION, "correct") != "correct":
        return ""
    metadata = obj["metadata"]
    return digest(
        [
            engine,
            metadata["namespace"],
            metadata["name"],
            metadata.get("uid"),
            {key: value for key, value in spec.items() if key not in _ASIDE},
            list(configs),
            salt(obj, settings),
            settings.gate("StrictPostBuildSubstitutions"),
        ]
    )


def salt(obj: Object, settings: Settings) -> str:
    """Return a digest of what decides how an object is applied, whatever it says."""
    spec = obj["spec"]
    return digest(
        [
            spec.get("serviceAccountName") or settings.default_service_account,
            spec.get("force"),
            list(settings.override_manager),
            settings.gate("MigrateAPIVersion"),
        ]
    )


def compare(known: Known, made_of: str, inventory: Sequence[str], now: float) -> Built | str:
    """Return the last build if everything it brought is on the cluster as it was applied, else why not.

    `made_of` are the inputs of now; `inventory` are the ids of all that was applied and not pruned yet.
    """
    built = known.built
    if not made_of:
        return "it decrypts, leaves fields to others, only reports drift, or lives on another cluster"
    if built is None:
        return "nothing is remembered of its last build"
    if built.inputs != made_of:
        return "its spec, a variable or a setting changed"
    if set(built.ids) != set(inventory):
        return "its inventory is not what its last build brought"
    other = changed(known, built.ids, now)
    return f"{_shown(other)} is not known to be as it was applied" if other else built


def _shown(one: str) -> str:
    try:
        return str(ObjectRef.parse(one, ""))
    except ValueError:
        return one
