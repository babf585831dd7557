# SPDX-License-Identifier: Apache-2.0
"""Calls to an API server that somebody else named: nothing of it is trusted, least of all its pace.

Addresses are checked as for every outside call. Each step of a call is cut off when its time is over, also
when the server keeps sending a byte now and then, and an answer may have only so many bytes. After a call
that ran out of time the next ones fail at once for a while, so that who is away costs its users one wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from workers.bounded import bounded_pools, cut, ran_out
from workers.cluster.client import Client
from workers.cluster.discovery import Discovery
from workers.cluster.errors import Unavailable
from workers.outside import AddressRefused


@dataclass(frozen=True)
class Limits:
    """What a call may take: seconds, and bytes of an answer."""

    connect: float = 5.0
    step: float = 15.0  # to send, to begin the answer, and to end it, each
    away: float = 10.0  # in which nobody asks again who did not answer
    largest: int = 8 * 2**20  # etcd holds objects of 1.5 MiB
    a_minute: int = 256 * 2**20  # of all answers together, since a run holds many at once


LIMITS = Limits()


@dataclass
class Reach:
    """How a server behaved when it was last asked; shared by all clients of one server."""

    limits: Limits = LIMITS
    away_until: float = 0.0
    minute: float = 0.0  # since when bytes are counted
    taken: int = 0

    def lost(self) -> None:
        self.away_until = time.monotonic() + self.limits.away

    def take(self, count: int) -> bool:
        """Count bytes of answers, and tell whether they still may come."""
        now = time.monotonic()
        if now - self.minute > 60:
            self.minute, self.taken = now, 0
        self.taken += count
        return self.taken <= self.limits.a_minute

    @property
    def away(self) -> bool:
        return time.monotonic() < self.away_until


class RemoteClient(Client):
    """Talk to another cluster's API server; everything that fails on the way is Unavailable."""

    def __init__(
        self,
        server: str,
        pool: urllib3.PoolManager,
        *,
        headers: Callable[[], dict[str, str]] = dict,
        user: str = "",
        discovery: Discovery | None = None,
        reach: Reach | None = None,
    ) -> None:
        super().__init__(server, pool, headers=headers, user=user, discovery=discovery)
        self._manager = pool
        self._reach = reach or Reach()

    def impersonate(self, user: str) -> RemoteClient:
        return RemoteClient(
            self.server,
            self._manager,
            headers=self._headers,
            user=user,
            discovery=self.discovery,
            reach=self._reach,
        )

    def close(self) -> None:
        """Close the connections that nobody uses; the others close when they come back."""
        self._manager.clear()

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Make one call; what is answered at least looks like something of Kubernetes."""
        answer = super().request(method, path, **options)
        if not _plausible(answer):
            raise Unavailable(f"what the Kubernetes API at {self.server} answered is no object")
        return answer

    def _open(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None,
        body: Any,
        content_type: str,
        timeout: urllib3.Timeout,
        *,
        stream: bool = False,
        accept: str = "application/json",
    ) -> urllib3.BaseHTTPResponse:
        if self._reach.away:
            raise Unavailable(f"the Kubernetes API at {self.server} did not answer a moment ago")
        timeout = urllib3.Timeout(connect=self._reach.limits.connect, read=self._reach.limits.step)
        try:
            response = super()._open(
                method, path, query, body, content_type, timeout, stream=True, accept=accept
            )
            return response if stream else self._whole(response)
        except AddressRefused as error:
            raise Unavailable(f"the Kubernetes API at {self.server} cannot be reached: {error}") from error
        except HTTPError as error:
            if not ran_out(error):
                raise
            self._reach.lost()
            raise Unavailable(f"the Kubernetes API at {self.server} did not answer in time") from None

    def _whole(self, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        content, limits = bytearray(), self._reach.limits
        with cut(response.connection, limits.step):
            # Not decoded: we asked for no compression, and what unpacks may unpack without end.
            while chunk := response.read1(2**16, decode_content=False):
                content += chunk
                if len(content) > limits.largest or not self._reach.take(len(chunk)):
                    response.close()
                    raise Unavailable(
                        f"the Kubernetes API at {self.server} answers with more than {limits.largest} bytes"
                        f" at once, or {limits.a_minute} a minute"
                    )
        return urllib3.HTTPResponse(bytes(content), response.headers, response.status, decode_content=False)


def _plausible(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    if answer.get("kind") == "Status":
        return True
    if (listed := answer.get("resources", answer.get("items"))) is not None:
        return isinstance(listed, list) and all(isinstance(one, dict) for one in listed)
    metadata = answer.get("metadata")
    if not isinstance(metadata, dict) or "name" not in metadata:
        return False
    # What is only rehearsed has no version.
    return all(isinstance(metadata.get(name, ""), str) for name in ("name", "uid", "resourceVersion"))


def checked_pools(*, allow_loopback: bool, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return connection pools by scheme whose every step is bounded and whose addresses are checked."""
    return bounded_pools(allow_loopback=allow_loopback, step=limits.step)
