# SPDX-License-Identifier: Apache-2.0
"""Logins at clouds' registries, kept in memory until shortly before they end; safe for threads.

Whoever wants one that somebody is just asking for waits for it, so that 300 images of one registry are one
question. What failed is not asked again for a moment, since each of them would.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from policies.registry.clouds import PUBLIC_ECR, Place, keep
from policies.registry.pull_secrets import Login
from workers.registry.access import Access
from workers.registry.clouds import aws, azure, gcp
from workers.registry.clouds.made import Account, LoginFailed, Made, failed

_MOST = 500  # logins
_FAILED_HOLDS = 15.0  # seconds
_Key = tuple[Place, Account | None, str]


@dataclass
class _Slot:
    """A login that was made, or why it was not, and until when that counts."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0.0
    login: Login | None = None
    failure: LoginFailed | None = None


class CloudLogins:
    """Log in as Fairway itself, or as a service account; registries are asked by the object's own way."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._lock = threading.Lock()
        self._slots: OrderedDict[_Key, _Slot] = OrderedDict()

    def login(self, place: Place, account: Account | None, way: Access) -> Login:
        """Return a login that is still good; raises LibraryMissing, LoginFailed, Unconfigured."""
        slot = self._slot((_shared(place), account, way.way_name))
        with slot.lock:
            if time.monotonic() < slot.until:
                if slot.failure is not None:
                    raise LoginFailed(slot.failure.message, remedy=slot.failure.remedy)
                if slot.login is not None:
                    return slot.login
            asked = time.monotonic()
            try:
                made = self._made(place, account, way)
            except LoginFailed as error:
                slot.failure, slot.login = error, None
                slot.until = time.monotonic() + _FAILED_HOLDS
                raise
            slot.failure, slot.login, slot.until = None, made.login, asked + keep(made.seconds)
            return made.login

    def _made(self, place: Place, account: Account | None, way: Access) -> Made:
        try:
            return self._make(place, account, way)
        except (ValueError, LookupError, TypeError) as error:  # an answer that its library did not foresee
            why = f"{type(error).__name__}: {error}"
            raise failed(place, account.name if account else "", why) from error

    def _make(self, place: Place, account: Account | None, way: Access) -> Made:
        if place.provider == "aws":
            return aws.login(place, account)
        if place.provider == "gcp":
            return gcp.login(place, account)
        return azure.login(place, account, way.way, allow_loopback=self._allow_loopback)

    def _slot(self, key: _Key) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > _MOST:
                self._slots.popitem(last=False)
            return slot


def _shared(place: Place) -> Place:
    """Return a place with no more in it than its login depends on: AWS' is for a region, Google's for all."""
    if place.provider == "azure":
        return place
    return Place(place.provider, place.host if place.host == PUBLIC_ECR else "", place.region)
