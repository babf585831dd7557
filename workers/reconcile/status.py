# SPDX-License-Identifier: Apache-2.0
"""Write an object's status, fenced by its resourceVersion.

Each write names the version it was decided on. A conflict means that somebody newer is at the object: the
run stops where it is, and whoever is newer does the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from policies import conditions
from policies.conditions import READY, RECONCILING, STALLED, Conditions
from policies.errors import FairwayError
from policies.objects import Object, ObjectRef
from policies.ownership import STATUS_MANAGER
from workers.cluster import Client, Conflict, NotFound

_FRESH = 0.25  # seconds for which a read or write of ours proves that nobody newer is at the object


class Superseded(FairwayError):
    """Somebody newer works on the object; nothing more may be done in this run."""


class Record:
    """The object as last seen or written by us; every write moves the fence.

    `guard` is asked before each act and raises when nothing may be written for objects of this kind.
    """

    def __init__(self, client: Client, obj: Object, *, guard: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._guard = guard
        self.obj = obj
        self.ref = ObjectRef.of(obj)
        self._seen_at = time.monotonic()
        self._written = False

    def check(self) -> None:
        """Raise Superseded when the object moved since we last saw it; called before each act."""
        self._guard()
        if time.monotonic() - self._seen_at >= _FRESH:
            self._look()  # within that time it would tell as little about the moment after it

    def confirm(self) -> None:
        """Raise Superseded when the object is not as we saw it, which may have been an old state of it."""
        if not self._written:
            self._look()

    def _look(self) -> None:
        live = self._client.find(self.ref)
        if live is None or live["metadata"]["resourceVersion"] != self.version:
            raise Superseded(f"{self.ref} changed while it was reconciled")
        self._seen_at = time.monotonic()

    @property
    def version(self) -> str:
        return str(self.obj["metadata"]["resourceVersion"])

    def write(self, status: Mapping[str, Any]) -> None:
        """Merge into status; None removes a field. Nothing is sent when nothing would change."""
        old = self.obj.get("status") or {}
        if all(old.get(key) == value for key, value in status.items()):
            return
        self._patch({"status": dict(status)}, "status")

    def refuse(self, error: FairwayError, now: str) -> None:
        """Say that the object cannot be understood; only a change of it can help."""
        generation = self.obj["metadata"]["generation"]
        changed = Conditions(conditions.of(self.obj), generation=generation, now=now)
        changed.set(READY, "False", error.reason, str(error)).set(STALLED, "True", error.reason, str(error))
        self.write({"conditions": changed.delete(RECONCILING).sorted(), "observedGeneration": generation})

    def crashed(self, what: str, now: str) -> None:
        """Say that we failed, not the object; the next run may go through."""
        generation = self.obj["metadata"]["generation"]
        changed = Conditions(conditions.of(self.obj), generation=generation, now=now)
        changed.set(READY, "False", "InternalError", what).set(
            RECONCILING, "True", "ProgressingWithRetry", what
        )
        self.write({"conditions": changed.delete(STALLED).sorted()})

    def set_finalizers(self, finalizers: list[str]) -> None:
        self._patch({"metadata": {"finalizers": finalizers or None}}, "")

    def _patch(self, patch: Object, subresource: str) -> None:
        self._guard()
        metadata = {**patch.get("metadata", {}), "resourceVersion": self.version}
        try:
            self.obj = self._client.patch(
                self.ref, {**patch, "metadata": metadata}, manager=STATUS_MANAGER, subresource=subresource
            )
        except (Conflict, NotFound) as error:
            raise Superseded(f"{self.ref} changed while it was reconciled") from error
        self._seen_at = time.monotonic()
        self._written = True
