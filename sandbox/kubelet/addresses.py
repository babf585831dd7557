# SPDX-License-Identifier: Apache-2.0
"""Addresses that lead nowhere, but are unique: one for each pod or Service, given back when it is gone."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping


class Addresses:
    """Hand out the addresses of a network, in turn, so that a used one is not seen again soon."""

    def __init__(self, network: str, *, skip: int = 1) -> None:
        """Leave out the network's address and the `skip` ones after it."""
        base = ipaddress.IPv4Network(network)
        self._first, self._room = int(base.network_address) + 1 + skip, base.num_addresses - 2 - skip
        self._next = 0
        self._by_uid: dict[str, str] = {}
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def replace(self, known: Mapping[str, str]) -> None:
        """Take all objects there are: uid → address it has, or nothing; the rest is given back."""
        with self._lock:
            self._by_uid = {
                uid: found for uid, has in known.items() if (found := has or self._by_uid.get(uid, ""))
            }
            self._used = set(self._by_uid.values())

    def of(self, uid: str) -> str:
        """Return the object's address, a new one the first time."""
        with self._lock:
            if uid not in self._by_uid:
                self._by_uid[uid] = self._free()
                self._used.add(self._by_uid[uid])
            return self._by_uid[uid]

    def release(self, uid: str) -> None:
        with self._lock:
            self._used.discard(self._by_uid.pop(uid, ""))

    def _free(self) -> str:
        for _ in range(self._room):
            found = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._room
            if found not in self._used:
                return found
        raise RuntimeError(f"all {self._room} addresses are in use")
