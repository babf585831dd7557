# SPDX-License-Identifier: Apache-2.0
"""The ConfigMaps and Secrets an object is made with: a change of one is a change of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.objects import ObjectRef


def config_refs(obj: Mapping[str, Any]) -> frozenset[ObjectRef]:
    """Return what spec.kubeConfig, spec.decryption and spec.postBuild refer to, also optionally.

    Of a Receiver it is the Secret with its token.
    """
    namespace = obj["metadata"]["namespace"]
    if obj.get("kind") == "Receiver":
        name = (obj["spec"].get("secretRef") or {}).get("name", "")
        return frozenset({ObjectRef("", "v1", "Secret", namespace, name)} if name else ())
    return frozenset(ObjectRef("", "v1", kind, namespace, name) for kind, name in _names(obj["spec"]) if name)


def _names(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kubeconfig, decryption = spec.get("kubeConfig") or {}, spec.get("decryption") or {}
    yield "ConfigMap", (kubeconfig.get("configMapRef") or {}).get("name", "")
    yield "Secret", (kubeconfig.get("secretRef") or {}).get("name", "")
    yield "Secret", (decryption.get("secretRef") or {}).get("name", "")
    for reference in (spec.get("postBuild") or {}).get("substituteFrom") or []:
        if reference.get("kind") in ("ConfigMap", "Secret"):
            yield reference["kind"], reference.get("name", "")
