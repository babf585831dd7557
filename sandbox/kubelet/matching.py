# SPDX-License-Identifier: Apache-2.0
"""Which volume is for which claim: reserved for it, or free and of its class, modes, size and labels."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.kube import Object

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def fits(volume: Object, claim: Object) -> bool:
    """Say whether a volume may be bound to a claim that names none."""
    if volume["metadata"].get("deletionTimestamp"):
        return False
    spec, wanted = volume["spec"], claim["spec"]
    reference = spec.get("claimRef")
    if reference and not _reserved(reference, claim["metadata"]):
        return False
    return bool(
        (spec.get("storageClassName") or "") == (wanted.get("storageClassName") or "")
        and (spec.get("volumeMode") or "Filesystem") == (wanted.get("volumeMode") or "Filesystem")
        and set(wanted.get("accessModes") or []) <= set(spec.get("accessModes") or [])
        and _storage(spec["capacity"]) >= _storage(wanted["resources"]["requests"])
        and _selected(wanted.get("selector") or {}, volume["metadata"].get("labels") or {})
    )


def quantity(text: str) -> Decimal:
    """Return a Kubernetes quantity, such as `10Gi` or `1e3`, as a number."""
    for length in (2, 1):
        if factor := _SUFFIXES.get(text[-length:]):
            return Decimal(text[:-length]) * factor
    return Decimal(text)


def _reserved(reference: Object, metadata: Object) -> bool:
    same = reference.get("namespace") == metadata["namespace"] and reference.get("name") == metadata["name"]
    return same and reference.get("uid") in (None, "", metadata["uid"])


def _storage(amounts: dict[str, Any]) -> Decimal:
    return quantity(str(amounts.get("storage", "0")))


def _selected(selector: Object, labels: dict[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_matches(rule, labels) for rule in selector.get("matchExpressions") or [])


def _matches(rule: Object, labels: dict[str, str]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values") or []
    found = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return found[rule["operator"]]
