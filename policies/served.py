# SPDX-License-Identifier: Apache-2.0
"""What of Flux's kinds is not served yet, and the sentence that says so.

Nothing is ignored in silence: an object that asks for one of these becomes Ready=False with this text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Spec = Mapping[str, Any]

_KUSTOMIZATION: dict[str, Callable[[Spec], bool]] = {}
_GIT_REPOSITORY: dict[str, Callable[[Spec], bool]] = {
    "spec.serviceAccountName": lambda s: bool(s.get("serviceAccountName")),
}


def unserved(kind: str, spec: Spec) -> str:
    """Name the fields this object uses and Fairway does not serve yet; empty when there are none."""
    table = {"Kustomization": _KUSTOMIZATION, "GitRepository": _GIT_REPOSITORY}.get(kind, {})
    found = [field for field, uses in table.items() if uses(spec)]
    if kind == "GitRepository" and (spec.get("provider") or "generic") not in ("generic", "github"):
        found.append(f"spec.provider {spec['provider']}")
    if kind == "Kustomization":
        source = (spec.get("sourceRef") or {}).get("kind")
        if source != "GitRepository":
            found.append(f"spec.sourceRef of kind {source}")
    return f"{', '.join(found)} not served by Fairway yet" if found else ""
