# SPDX-License-Identifier: Apache-2.0
"""Where built binaries are kept: one file per name and key, put there whole, and one builder at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from toolchain.errors import ToolchainError

_KEPT_SECONDS = 30 * 24 * 3600


def directory() -> Path:
    """The cache's folder: FAIRWAY_CACHE, else `.cache/fairway` at home."""
    chosen = os.environ.get("FAIRWAY_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "fairway"


def make(folder: Path) -> Path:
    """Create a folder of the cache, or say why it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolchainError(
            f"{folder} cannot be made: {error.strerror}.",
            remedy="Set FAIRWAY_CACHE to a folder that may be written.",
        ) from error
    return folder


@contextlib.contextmanager
def locked(path: Path, owner: str, *, waiting: Callable[[str], None], poll: float = 0.2) -> Iterator[int]:
    """Hold the lock file, alone among all processes and threads; yields its descriptor.

    While another holds it, `waiting` is called every `poll` seconds with that one's `owner` text.
    A child that inherits the descriptor keeps the lock when this process dies.
    """
    make(path.parent)
    with path.open("a+") as file:
        while not _try(file.fileno()):
            file.seek(0)
            waiting(file.read().strip() or "another process")
            time.sleep(poll)
        file.truncate(0)
        file.write(owner)
        file.flush()
        try:
            yield file.fileno()
        finally:
            file.truncate(0)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def put(built: Path, target: Path) -> None:
    """Move a finished binary of the same file system into its place, in one step."""
    built.chmod(0o755)
    built.replace(target)


def touch(path: Path) -> None:
    """Note that the binary is in use; a cache that may only be read needs no note."""
    with contextlib.suppress(OSError):
        os.utime(path)


def discard_unused(name: str, *, keep: Path, now: float) -> None:
    """Delete binaries of this name that nobody asked for in 30 days, and what a killed build left."""
    for path in keep.parent.glob(f"{name}-*"):
        with contextlib.suppress(OSError):
            abandoned = path.name.endswith(".partial")
            if path != keep and (abandoned or now - path.stat().st_mtime > _KEPT_SECONDS):
                path.unlink()
