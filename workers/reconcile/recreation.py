# SPDX-License-Identifier: Apache-2.0
"""Make an object anew that cannot be changed as wanted, where its owner allows that."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from policies import ownership
from policies.objects import Object, ObjectRef
from policies.ownership import FIELD_MANAGER
from workers.cluster import ApiError, Client, Invalid, NotFound
from workers.reconcile.failures import ApplyFailed

T = TypeVar("T")
_GONE_TIMEOUT = 30.0  # seconds an object that is made anew may take to go
_POLL = 0.1
_IMMUTABLE = re.compile(r"is\simmutable|immutable\sfield")


class Recreation:
    """Deletes objects as one user; `force` is spec.force."""

    def __init__(self, client: Client, *, force: bool) -> None:
        self._client = client
        self._force = force

    def make_room(self, desired: Object, live: Object | None, what: str, error: ApiError) -> None:
        """Delete the live object if that is allowed and would help; raises ApplyFailed when it is not."""
        ref = ObjectRef.of(desired)
        refused = ApplyFailed(ref, what, error)
        if live is None or not ownership.may_recreate(desired, live, force=self._force):
            raise refused from error
        if not is_immutable(error) or self._invalid_anyway(desired, error):
            raise refused from error
        what = "immutable field detected, failed to delete object"
        uid = live["metadata"]["uid"]
        refusing(ref, what, lambda: self._delete(ref, uid))
        refusing(ref, what, lambda: self._wait_until_gone(ref, uid))

    def _invalid_anyway(self, desired: Object, error: ApiError) -> bool:
        """Tell whether a new object would be refused for the same: deleting the old one would only harm."""
        metadata = {**desired["metadata"], "name": f"{desired['metadata']['name'][:40]}-fairway-rehearsal"}
        try:
            self._client.create({**desired, "metadata": metadata}, manager=FIELD_MANAGER, dry_run=True)
        except Invalid as again:
            return bool(_causes(error)) and _causes(error) <= _causes(again)
        except ApiError:
            return False
        return False

    def _delete(self, ref: ObjectRef, uid: str) -> None:
        try:
            self._client.delete(ref, uid=uid)
        except NotFound:
            return

    def _wait_until_gone(self, ref: ObjectRef, uid: str) -> None:
        deadline = time.monotonic() + _GONE_TIMEOUT
        while (live := self._client.find(ref)) and live["metadata"]["uid"] == uid:
            if time.monotonic() > deadline:
                raise ApiError("it is still being deleted, a finalizer holds it")
            time.sleep(_POLL)


def refusing(ref: ObjectRef, what: str, act: Callable[[], T]) -> T:
    """Return what `act` does; what the API server refuses is said of the object."""
    try:
        return act()
    except ApiError as error:
        raise ApplyFailed(ref, what, error) from error


def is_immutable(error: ApiError) -> bool:
    """Tell whether an object was refused because a field of it cannot be changed."""
    return error.cause in ("Conflict", "Invalid") or bool(_IMMUTABLE.search(error.message))


def _causes(error: ApiError) -> set[tuple[str, str]]:
    return {(c.get("field", ""), c.get("message", "")) for c in error.details.get("causes") or []}
