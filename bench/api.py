# SPDX-License-Identifier: Apache-2.0
"""The harness's own line to the API server: written so that it costs little beside what is measured.

Requests are made ready before the clock runs and sent on a few connections; a watch reads bytes and looks
into an event only when what it waits for may be in it.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from sandbox.kube import login

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_CONNECTIONS = 4
_TIMEOUT = 60.0  # seconds, for one call
_WATCH = 600  # seconds
_CHUNK = 1 << 16


class ApiError(Exception):
    """The API server refused."""


@dataclass(frozen=True)
class Request:
    """A call that is ready to be sent."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"

    @classmethod
    def create(cls, path: str, obj: Object) -> Request:
        return cls("POST", path, orjson.dumps(obj))

    @classmethod
    def patch(cls, path: str, change: Object, content_type: str = MERGE) -> Request:
        return cls("PATCH", path, orjson.dumps(change), content_type)


@dataclass
class Api:
    """Calls the API server of a kubeconfig as its user."""

    kubeconfig: Path

    def __post_init__(self) -> None:
        server, self._tls = login(self.kubeconfig)
        self._address = urlsplit(server)

    def call(self, request: Request) -> Object:
        """Send one request and return what was answered; raises ApiError."""
        line = self._connect()
        try:
            answer: Object = orjson.loads(_exchange(line, request))
            return answer
        finally:
            line.close()

    def get(self, path: str) -> Object:
        return self.call(Request("GET", path))

    def send(self, requests: Sequence[Request]) -> None:
        """Send all on a few connections; raises ApiError when one is refused."""
        self.send_batches([[request] for request in requests], connections=_CONNECTIONS)

    def send_batches(self, batches: Sequence[Sequence[Request]], *, connections: int) -> None:
        """Send batches at once, the requests of each one after the other."""
        parts = [batches[first::connections] for first in range(connections)]
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(self._send, parts))

    @contextmanager
    def watching(
        self, path: str, names: Collection[str], *, hint: bytes, accept: Callable[[Object], bool]
    ) -> Iterator[Arrivals]:
        """Watch a collection until each of `names` has been in an event that `accept` takes.

        Only events with the bytes of `hint` in them are looked into.
        """
        arrivals = Arrivals(set(names), hint, accept)
        version = self.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        line = self._connect()
        line.request("GET", f"{path}?watch=true&resourceVersion={version}&timeoutSeconds={_WATCH}")
        answer = line.getresponse()
        if answer.status >= 400:
            raise ApiError(answer.read().decode(errors="replace"))
        thread = threading.Thread(target=arrivals.read, args=(answer,), daemon=True)
        thread.start()
        try:
            yield arrivals
        finally:
            arrivals.stop(line)
            thread.join(5)

    def _send(self, batches: Sequence[Sequence[Request]]) -> None:
        line = self._connect()
        try:
            for request in chain.from_iterable(batches):
                _exchange(line, request)
        finally:
            line.close()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._address.hostname or "", self._address.port, timeout=_TIMEOUT, context=self._tls
        )


@dataclass
class Arrivals:
    """When each name arrived, by time.monotonic()."""

    missing: set[str]
    hint: bytes
    accept: Callable[[Object], bool]
    at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all, self._ended = threading.Event(), False
        self._failure: Exception | None = None

    def wait(self, within: float, *, tell: Callable[[int], None] = lambda count: None) -> float:
        """Return when the last one arrived; `tell` hears every second how many have.

        Raises TimeoutError, with who is missing, after `within` seconds.
        """
        deadline = time.monotonic() + within
        while not self._all.wait(1.0):
            tell(len(self.at))
            if time.monotonic() > deadline:
                some = ", ".join(sorted(self.missing)[:3])
                raise TimeoutError(f"{len(self.missing)} not there within {within:g} s, such as {some}")
        if self._failure is not None:
            raise self._failure
        return max(self.at.values())

    def read(self, answer: http.client.HTTPResponse) -> None:
        """Take events off the network until all have arrived."""
        try:
            pending = b""
            while not self._all.is_set():
                chunk = answer.read1(_CHUNK)
                if not chunk:
                    raise ApiError("the watch has ended")
                *lines, pending = (pending + chunk).split(b"\n")
                now = time.monotonic()
                for line in lines:
                    if self.hint in line:
                        self._take(orjson.loads(line)["object"], now)
        except Exception as error:
            if not self._ended:
                self._failure = error
                self._all.set()

    def stop(self, line: http.client.HTTPConnection) -> None:
        """Hang up."""
        self._ended = True
        if line.sock is not None:
            with contextlib.suppress(OSError):
                line.sock.shutdown(socket.SHUT_RDWR)  # closing it would not wake whoever reads
        line.close()

    def _take(self, obj: Object, now: float) -> None:
        name = obj["metadata"]["name"]
        if name in self.missing and self.accept(obj):
            self.missing.discard(name)
            self.at[name] = now
            if not self.missing:
                self._all.set()


def _exchange(line: http.client.HTTPSConnection, request: Request) -> bytes:
    headers = {"content-type": request.content_type} if request.body else {}
    line.request(request.method, request.path, body=request.body or None, headers=headers)
    answer = line.getresponse()
    body = answer.read()
    if answer.status >= 400:
        raise ApiError(f"{request.method} {request.path}: {body[:500].decode(errors='replace')}")
    return body
