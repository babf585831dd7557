# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization's spec.decryption asks for; texts and reasons are Flux's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOPS = "sops"
_ENDINGS = (".asc", ".agekey")
_ENTRIES = frozenset({"sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms"})


def wanted(spec: Mapping[str, Any]) -> bool:
    """Tell whether a Kustomization has what is encrypted in its source decrypted."""
    return bool((spec.get("decryption") or {}).get("provider") == SOPS)


def secret_ref(spec: Mapping[str, Any]) -> str:
    """Return the name of the Secret with the keys, which lies beside the Kustomization; "" without one."""
    decryption = spec.get("decryption") or {}
    return str((decryption.get("secretRef") or {}).get("name") or "")


def is_key(entry: str, *, age_only: bool = False) -> bool:
    """Tell whether an entry of that Secret is a key; `age_only` holds for the Secret that all share."""
    if age_only:
        return entry.endswith(".agekey")
    return entry in _ENTRIES or entry.endswith(_ENDINGS)


def is_service(entry: str) -> bool:
    """Tell whether an entry is what a key service is asked with, and no key itself."""
    return entry in _ENTRIES


def account_refusal(spec: Mapping[str, Any], *, identities: bool) -> tuple[str, str] | None:
    """Return reason and message where an account of its own is asked for, `identities` being the gate."""
    if not (spec.get("decryption") or {}).get("serviceAccountName"):
        return None
    if not identities:
        return (
            "FeatureGateDisabled",
            "to use spec.decryption.serviceAccountName for decryption authentication please enable the "
            "ObjectLevelWorkloadIdentity feature gate in the controller",
        )
    return "NotServed", "spec.decryption.serviceAccountName not served by Fairway yet"
