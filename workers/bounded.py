# SPDX-License-Identifier: Apache-2.0
"""Connections that are cut off when a step takes too long, also when a byte comes now and then.

A step is to connect, to send, to begin the answer, or to read it. A socket's own timeout only bounds the time
between two bytes, which a server that means ill can make as long as it likes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as RanOut

from workers.outside import pool_classes


def bounded_pools(*, allow_loopback: bool, step: float) -> dict[str, Any]:
    """Return connection pools by scheme whose addresses are checked, and whose steps take so many seconds."""
    pools = pool_classes(allow_loopback=allow_loopback)
    return {scheme: _bounded(pool, step) for scheme, pool in pools.items()}


def ran_out(error: HTTPError) -> bool:
    """Say whether a call failed because its time was over."""
    cause = getattr(error, "original_error", error)  # of a proxy's error
    return isinstance(cause, RanOut) and not isinstance(cause, NewConnectionError)


def _bounded(pool: Any, step: float) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        handle: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()
            self._drop()
            # A second handle, since the first one is lost to TLS before the handshake is over.
            self.handle = opened.dup()
            return opened

        def connect(self) -> None:
            with cut(self, step):
                super().connect()

        def request(self, *arguments: Any, **named: Any) -> None:
            with cut(self, step):
                super().request(*arguments, **named)

        def getresponse(self) -> Any:
            with cut(self, step):
                return super().getresponse()

        def close(self) -> None:
            self._drop()
            super().close()

        def _drop(self) -> None:
            if self.handle is not None:
                self.handle.close()
                self.handle = None

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


@contextlib.contextmanager
def cut(connection: Any, seconds: float) -> Iterator[None]:
    """Cut a bounded connection off when what is done on it takes longer than so many seconds."""
    over = threading.Event()

    def shut() -> None:
        over.set()
        handle = getattr(connection, "handle", None)
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    failure: Exception | None = None
    try:
        yield
    except (HTTPError, OSError) as error:
        failure = error
        raise
    finally:
        timer.cancel()
        if over.is_set():  # also without a failure: cut off in a header looks like its end
            raise RanOut(f"cut off after {seconds:g} seconds") from failure
