# SPDX-License-Identifier: Apache-2.0
"""The ConfigMaps and Secrets that a Kustomization is made with, each read once in a run."""

from __future__ import annotations

from typing import Protocol

from policies.config_refs import config_refs
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError


class Finds(Protocol):
    """Whatever finds an object, or None when there is none; raises ApiError."""

    def find(self, ref: ObjectRef, /) -> Object | None: ...


class Configs:
    """Remembers what it has found, so that versions and values are of the same moment."""

    def __init__(self, client: Finds) -> None:
        self._client = client
        self._found: dict[ObjectRef, Object | None] = {}

    def find(self, ref: ObjectRef) -> Object | None:
        if ref not in self._found:
            self._found[ref] = self._client.find(ref)
        return self._found[ref]

    def versions(self, obj: Object) -> list[str]:
        """Return a text for each that a Kustomization refers to, which changes when it does.

        What cannot be read is for the build to complain of.
        """
        return [f"{ref} {self._version(ref)}" for ref in sorted(config_refs(obj), key=str)]

    def _version(self, ref: ObjectRef) -> str:
        try:
            live = self.find(ref)
        except ApiError:
            return "unreadable"
        return live["metadata"]["resourceVersion"] if live else "missing"
