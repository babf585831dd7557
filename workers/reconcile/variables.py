# SPDX-License-Identifier: Apache-2.0
"""The variables of a Kustomization's post-build substitution.

Values come from the ConfigMaps and Secrets of its own namespace, a later one winning over an earlier one,
and inline values over all. Line breaks are taken out of every value, as Flux does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from policies.errors import FairwayError
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError
from workers.reconcile.configs import Finds


class VariablesUnavailable(FairwayError):
    """A ConfigMap or Secret that the substitution needs cannot be read."""

    reason = "BuildFailed"


def resolve(client: Finds, obj: Object) -> dict[str, str]:
    """Return the merged variables; raises VariablesUnavailable naming the object that is missing."""
    post_build = obj["spec"].get("postBuild") or {}
    found: dict[str, str] = {}
    for reference in post_build.get("substituteFrom") or []:
        found.update(_from(client, obj["metadata"]["namespace"], reference))
    found.update({key: _flat(value) for key, value in (post_build.get("substitute") or {}).items()})
    return found


def _from(client: Finds, namespace: str, reference: Mapping[str, Any]) -> dict[str, str]:
    kind, name = reference["kind"], reference["name"]
    try:
        source = client.find(ObjectRef("", "v1", kind, namespace, name))
    except ApiError as error:
        raise VariablesUnavailable(f"substitute from '{kind}/{name}' failed: {error.message}") from error
    if source is None:
        if reference.get("optional"):
            return {}
        raise VariablesUnavailable(f"substitute from '{kind}/{name}' failed: {kind} not found")
    data = source.get("data") or {}
    if kind != "Secret":
        return {key: _flat(value) for key, value in data.items()}
    try:
        return {key: _flat(base64.b64decode(value).decode()) for key, value in data.items()}
    except (binascii.Error, UnicodeDecodeError):
        raise VariablesUnavailable(f"substitute from 'Secret/{name}' failed: a value is not text") from None


def _flat(value: str) -> str:
    return value.replace("\n", "")
