# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of `web`: one gunicorn process with threads, for both listeners.

One process, because the counters of the public listener are read on the internal one, and it takes two
hundred deliveries a second with room to spare. What the world can reach must not starve what the cluster
needs, so each listener has threads of its own, and the public one also has limits: on its connections, and on
the time a request may take to arrive.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import TConn, ThreadWorker

from policies.settings import Settings

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

PUBLIC_THREADS = 16
INTERNAL_THREADS = 8
ARRIVAL_TIMEOUT = 10.0  # seconds from the first byte of a public request to its last; GitHub gives up at 10
_CONNECTIONS = 1024
_PUBLIC_CONNECTIONS = 768
_LINGER = 2.0  # seconds
_LINGER_BYTES = 64 * 1024 * 1024


class Dispatcher:
    """Sends a request to the application of the listener that it came in on.

    The socket says which that is: nothing a client writes, such as a Host header, has a part in it.
    """

    def __init__(self, public: Wsgi, internal: Wsgi, *, internal_port: int) -> None:
        self._public = public
        self._internal = internal
        self._internal_port = internal_port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        port = environ["gunicorn.socket"].getsockname()[1]
        chosen = self._internal if port == self._internal_port else self._public
        return chosen(environ, start_response)


class _Connection(TConn):  # type: ignore[misc]
    """A connection that knows its listener, and that is closed without waiting for its client."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, *, public: bool) -> None:
        super().__init__(cfg, sock, client, server)
        self.public = public
        self.read_by: float | None = None

    def close(self, graceful: bool = False) -> None:
        # gunicorn would linger here for a slow client, on the one thread that accepts: see `_linger`.
        util.close(self.sock)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with a pool of threads for each listener."""

    internal_port = 0
    public_threads = PUBLIC_THREADS
    arrival_timeout = ARRIVAL_TIMEOUT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.busy: set[_Connection] = set()
        self.public_connections = 0

    def init_process(self) -> None:
        self.internal_pool = ThreadPoolExecutor(INTERNAL_THREADS, "internal")
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.public_threads, "public")

    def accept(self, listener: Any) -> None:
        """Take a connection; it gets a thread when its first byte is there."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        server = listener.getsockname()
        public = server[1] != self.internal_port
        if public and self.public_connections >= _PUBLIC_CONNECTIONS:
            util.close(sock)
            return
        self.public_connections += public
        self.nr_conns += 1
        conn = _Connection(self.cfg, sock, address, server, public=public)
        if _has_data(sock):
            conn.data_ready = True
            self.enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def enqueue_req(self, conn: _Connection) -> None:
        conn.read_by = time.monotonic() + self.arrival_timeout if conn.public else None
        self.busy.add(conn)
        pool = self.tpool if conn.public else self.internal_pool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: _Connection) -> Any:
        kept = super().handle(conn)
        if not kept and _unread(conn):
            _linger(conn.sock)
        return kept

    def finish_request(self, conn: _Connection, fs: Any) -> None:
        self.busy.discard(conn)
        super().finish_request(conn, fs)
        self._count(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        before = list(self.keepalived_conns)
        super().murder_keepalived(force)
        for conn in before:
            self._count(conn)

    def murder_pending(self) -> None:
        before = list(self.pending_conns)
        super().murder_pending()
        for conn in before:
            self._count(conn)
        self._end_slow_arrivals()

    def _end_slow_arrivals(self) -> None:
        """Let a request that still arrives past its time find the end of its body, which ends it."""
        now = time.monotonic()
        for conn in self.busy:
            if conn.read_by is not None and conn.read_by < now:
                conn.read_by = None
                try:
                    conn.sock.shutdown(socket.SHUT_RD)
                except OSError:
                    continue  # gone by itself

    def _count(self, conn: _Connection) -> None:
        if conn.public and conn.sock.fileno() == -1:
            conn.public = False  # counted once
            self.public_connections -= 1


def _has_data(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def _unread(conn: _Connection) -> bool:
    """Tell whether the client may have more to send of the request that was just answered."""
    body = getattr(getattr(conn.parser, "mesg", None), "body", None)
    # Only of a body of known length is it known; a client that is done must not hold a thread until it
    # has noticed.
    return getattr(getattr(body, "reader", None), "length", 1) != 0


def _linger(sock: socket.socket) -> None:
    """Throw away what a client still sends, so that it reads our answer instead of a reset connection.

    A refused body is not read by the application; closing at once with bytes unread would make the kernel
    throw away the answer. Bounded in time and bytes.
    """
    deadline = time.monotonic() + _LINGER
    left = _LINGER_BYTES
    scratch = bytearray(65536)
    try:
        sock.shutdown(socket.SHUT_WR)
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            sock.settimeout(seconds)
            received = sock.recv_into(scratch)
            if not received:
                return
            left -= received
    except OSError:
        return


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, set up for one Fairway."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        port = int(settings.internal_listen.rpartition(":")[2])
        options: dict[str, Any] = {
            "bind": [settings.public_listen, settings.internal_listen],
            "worker_class": type("FrontDoorWorker", (Worker,), {"internal_port": port}),
            "workers": 1,
            "threads": PUBLIC_THREADS + INTERNAL_THREADS,
            "worker_connections": _CONNECTIONS,
            "timeout": 60,
            "graceful_timeout": 5,
            "keepalive": 15,
            "limit_request_line": 4094,
            "limit_request_fields": 64,
            "control_socket_disable": True,
            "proc_name": "fairway-web",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        from app import create_app, create_internal_app

        return Dispatcher(
            create_app(self._settings),
            create_internal_app(self._settings),
            internal_port=int(self._settings.internal_listen.rpartition(":")[2]),
        )


def serve(settings: Settings) -> None:
    """Serve both listeners until SIGTERM or SIGINT; sets the process's exit status."""
    Server(settings).run()
